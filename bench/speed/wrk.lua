-- Posts the files that are listed, one path a line, in the file named by BENCH_BODIES.
local bodies, turn = {}, 0
for path in io.lines(os.getenv("BENCH_BODIES")) do
  local file = io.open(path, "rb")
  table.insert(bodies, file:read("*a"))
  file:close()
end
request = function()
  turn = turn % #bodies + 1
  return wrk.format("POST", nil, nil, bodies[turn])
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"throughput": %f, "p50_ms": %f, "p99_ms": %f, "errors": %d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
