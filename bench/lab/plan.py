"""How much to measure: everything, or a quick look."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("fastapi", "litserve", "bentoml", "ray", "mlserver")
LIMIT = "limit"
OURS, STOCK = "marigold", "stock"
SECOND = "second"  # another archive of ours, beside the first
LONE = "stock1"  # the stock handler as it is best for one client: batches of one


@dataclass(frozen=True)
class Plan:
    """What to measure, and for how long.

    Attributes:
        rounds: How often the servers take turns.
        seconds: Duration of each run under load.
        main_seconds: Duration of the runs at `main_clients`.
        clients: Clients of the closed loops; the first, 1, gives the latency of a single client.
        main_clients: Clients in the comparison that the bars use.
        open_shares: Rates of the open loops, as shares of a server's closed-loop throughput.
        choice_s: Duration of each run that chooses a server's mode.
        servers: Names of the servers to compare.
        megapixels: Sizes of upscaled photos, besides the original photos.
        workers: Numbers of our workers to try.
        batch_sizes: Our batch sizes to try.
        sweep_rounds: Rounds of photo sizes, workers and batch sizes.
        warm_up_s: Warm-up before each run.
    """

    rounds: int = 3
    seconds: float = 2.5
    main_seconds: float = 4.0
    clients: tuple[int, ...] = (1, 8, 16, 32, 64)
    main_clients: int = 16
    open_shares: tuple[float, ...] = (0.5, 0.8)
    choice_s: float = 3.0
    servers: tuple[str, ...] = (
        *(OURS, SECOND, STOCK, LONE, *KINDS, LIMIT),
        *(f"{kind}-eager" for kind in KINDS),
    )
    megapixels: tuple[float, ...] = (1.0, 4.0, 12.0)
    workers: tuple[int, ...] = (1, 2, 4)
    batch_sizes: tuple[int, ...] = (1, 4, 8, 16, 32)
    sweep_rounds: int = 2
    warm_up_s: float = 0.7

    def rounds_of(self, server: str) -> int:
        """Return a server's number of rounds: only one for the slow eager models."""
        return 1 if server.endswith("-eager") else self.rounds

    def clients_of(self, server: str) -> tuple[int, ...]:
        """Return the closed loops of a server: the eager models only those of the bars."""
        if server == LONE:
            return (1,)
        return (1, self.main_clients) if server.endswith("-eager") else self.clients

    def open_shares_of(self, server: str, number: int) -> tuple[float, ...]:
        """Return the open loops of a server in a round: only the first, but for ours and stock."""
        if server == LONE or server.endswith("-eager") or (number and server not in {OURS, STOCK}):
            return ()
        return self.open_shares

    def seconds_at(self, clients: int) -> float:
        """Return the duration of a closed loop of the comparison, in seconds."""
        return self.main_seconds if clients == self.main_clients else self.seconds


FULL = Plan()
QUICK = Plan(
    rounds=1,
    seconds=2.0,
    main_seconds=3.0,
    clients=(1, 16),
    open_shares=(0.8,),
    choice_s=0.0,
    servers=(OURS, SECOND, STOCK, LONE, "fastapi", LIMIT),
    megapixels=(12.0,),
    workers=(),
    batch_sizes=(),
    sweep_rounds=1,
    warm_up_s=0.5,
)
