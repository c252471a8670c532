"""Makes ``python -m client`` run `client.commands.cli`."""

from client.commands.cli import main

raise SystemExit(main())
