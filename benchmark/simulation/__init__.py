"""A service to practise on: EAS-like, on real sockets, with a known truth to hold measurements against."""
