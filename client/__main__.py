"""Makes ``python -m client`` run `client.cli`."""

from client.cli import main

raise SystemExit(main())
