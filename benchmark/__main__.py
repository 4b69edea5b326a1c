"""`python -m benchmark` is `vpcbench`."""

from benchmark.cli.main import main

main()
