"""vpcbench: how much faster, how much cheaper, how much load: a service's public and VPC addresses, measured."""

__version__ = "0.1.0"
