"""curl's own command line as a scenario: the command from a service's documentation, as it stands there.

What is sent is, to the byte, the body that curl sends. Credentials become `${NAME}`s, so that the scenario that is
kept or printed can be run again and shown to anyone.
"""

from benchmark.scenario.curl.command import CurlCommand, parse_curl
from benchmark.scenario.curl.draft import as_scenario, curl_scenario

__all__ = ["CurlCommand", "as_scenario", "curl_scenario", "parse_curl"]
