"""All of curl's options: which are taken, which change nothing that is sent or timed, and which are refused, and why.

The names are those that `curl --help all` prints, up to 8.17. One that takes a value has `=` behind it, one that has a
short form has that letter behind a space.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.errors import InputError

TAKEN, IGNORED, UNUSED = "taken", "ignored", "unused"


@dataclass(frozen=True)
class Option:
    """One of curl's options."""

    name: str  # with its dashes
    takes_value: bool
    letter: str  # its short form, without the dash; empty: it has none
    fate: str  # TAKEN, IGNORED, UNUSED (ignored, which is told), or else why it is refused


_FATES: dict[str, str] = {
    TAKEN: """
        basic cacert= cert=:E compressed connect-timeout= cookie=:b data=:d data-ascii= data-binary= data-raw=
        data-urlencode= form=:F form-string= get:G globoff:g head:I header=:H insecure:k ipv4:4 ipv6:6 json= key=
        location:L max-time=:m oauth2-bearer= path-as-is proto-default= proxy=:x range=:r referer=:e request=:X resolve=
        upload-file=:T url= url-query= user=:u user-agent=:A
    """,
    # what curl prints and writes, how it repeats itself, what it says to the system, and what is for other protocols
    IGNORED: """
        append:a ca-native compressed-ssh create-dirs create-file-mode= disable:q disable-eprt disable-epsv
        disallow-username-in-url dump-ca-embed dump-header=:D etag-save= expect100-timeout= fail:f fail-early
        fail-with-body false-start ftp-account= ftp-alternative-to-user= ftp-create-dirs ftp-method= ftp-pasv ftp-port=:P
        ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-ccc-mode= ftp-ssl-control happy-eyeballs-timeout-ms=
        hostpubmd5= hostpubsha256= http1.1 include:i ip-tos= junk-session-cookies:j keepalive-cnt= keepalive-time=
        knownhosts= krb= libcurl= list-only:l login-options= mail-auth= mail-from= mail-rcpt= mail-rcpt-allowfails
        max-redirs= metalink no-alpn no-buffer:N no-clobber no-keepalive no-npn no-progress-meter no-sessionid
        noproxy= out-null output-dir= parallel:Z parallel-immediate parallel-max= parallel-max-host= post301 post302
        post303 progress-bar:# proto= proto-redir= proxy-ca-native proxy-http2 proxy-insecure proxy-ssl-allow-beast
        proxy-ssl-auto-client-cert pubkey= quote=:Q remote-header-name:J remote-name:O remote-name-all remote-time:R
        remove-on-error sasl-authzid= sasl-ir service-name= show-error:S silent:s skip-existing speed-limit=:Y
        speed-time=:y ssl ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-reqd ssl-revoke-best-effort stderr=
        styled-output suppress-connect-headers tcp-nodelay telnet-option=:t tftp-blksize= tftp-no-options tls-earlydata
        tlsv1:1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 trace= trace-ascii= trace-config= trace-ids trace-time upload-flags= use-ascii:B
        verbose:v vlan-priority= write-out=:w xattr output=:o
    """,
    UNUSED: """
        alt-svc= cookie-jar=:c hsts= netrc:n netrc-file= netrc-optional retry= retry-all-errors retry-connrefused
        retry-delay= retry-max-time=
    """,
    "only HTTP/1.1 is spoken here; leave it out": """
        http0.9 http1.0:0 http2 http2-prior-knowledge http3 http3-only haproxy-protocol haproxy-clientip= raw
    """,
    "one request is repeated here; for several write a scenario with `requests:`": """
        config=:K next:: rate= variable=
    """,
    "the credentials are an `Authorization` header here: -u user:password, or -H": """
        anyauth aws-sigv4= delegation= digest negotiate ntlm ntlm-wb tlsauthtype= tlspassword= tlsuser=
    """,
    "a proxy is used without credentials or settings of its own here; choose one that asks for none": """
        preproxy= proxy-anyauth proxy-basic proxy-cacert= proxy-capath= proxy-cert= proxy-cert-type= proxy-ciphers=
        proxy-crlfile= proxy-digest proxy-header= proxy-key= proxy-key-type= proxy-negotiate proxy-ntlm proxy-pass=
        proxy-pinnedpubkey= proxy-service-name= proxy-tls13-ciphers= proxy-tlsauthtype= proxy-tlspassword=
        proxy-tlsuser= proxy-tlsv1 proxy-user=:U proxy1.0= proxytunnel:p
    """,
    "only proxies of HTTP are used, with -x": """
        socks4= socks4a= socks5= socks5-basic socks5-gssapi socks5-gssapi-nec socks5-gssapi-service= socks5-hostname=
    """,
    "connections are made the usual way here; --resolve host:port:address leads them elsewhere": """
        abstract-unix-socket= connect-to= dns-interface= dns-ipv4-addr= dns-ipv6-addr= dns-servers= doh-cert-status
        doh-insecure doh-url= interface= ipfs-gateway= local-port= mptcp tcp-fastopen unix-socket=
    """,
    "TLS is spoken as Python's ssl module does by default; --cacert, --cert, --key and -k are taken": """
        capath= cert-status cert-type= ciphers= crlfile= curves= ech= egd-file= engine= key-type= pass= pinnedpubkey=
        random-file= signature-algorithms= sigalgs= sslv2:2 sslv3:3 tls-max= tls13-ciphers=
    """,
    "what is sent is the same every time here, and answers are read whole; leave it out": """
        continue-at=:C crlf etag-compare= follow form-escape ignore-content-length limit-rate= location-trusted
        max-filesize= request-target= time-cond=:z tr-encoding
    """,
    "this prints something of curl's own; see `vpcbench curl --help`": "help=:h manual:M version:V",
}

_HABITS = {  # what other tools mean by a letter, where a number follows
    "-n": "-n is curl's --netrc; for a number of requests write --requests {}",
    "-c": "-c is curl's --cookie-jar; for connections write --connections {}",
}


def _options() -> dict[str, Option]:
    found = {}
    for fate, names in _FATES.items():
        for entry in names.split():
            name, _, letter = entry.partition(":")
            option = Option(f"--{name.removesuffix('=')}", name.endswith("="), letter, fate)
            found[option.name] = option
    return found


OPTIONS = _options()
_LETTERS = {option.letter: option for option in OPTIONS.values() if option.letter}


def long_option(name: str) -> tuple[Option, bool]:
    """The option of this name, or the only one that begins with it, and whether it is switched on (`--no-…`: off).

    Raises:
        InputError: curl has none of this name, or several begin with it, or it is refused.
    """
    if name in OPTIONS:
        return _usable(OPTIONS[name], name), True
    switched = OPTIONS.get(f"--{name.removeprefix('--no-')}")
    if name.startswith("--no-") and switched and not switched.takes_value:
        return switched, False
    alike = [option for option in OPTIONS if option.startswith(name)]
    if len(alike) == 1 and len(name) > len("--x"):
        return _usable(OPTIONS[alike[0]], alike[0]), True
    hint = f"; did you mean {', '.join(alike[:4])}?" if alike else ""
    raise InputError(f"{name} is neither an option of curl nor of vpcbench{hint}")


def short_option(letter: str) -> Option:
    """The option with this letter.

    Raises:
        InputError: curl has none, or it is refused.
    """
    if letter not in _LETTERS:
        raise InputError(f"-{letter} is neither an option of curl nor of vpcbench")
    return _usable(_LETTERS[letter], f"-{letter}")


def _usable(option: Option, shown: str) -> Option:
    if option.fate not in {TAKEN, IGNORED, UNUSED}:
        raise InputError(f"{shown}: {option.fate}")
    return option


def habit(shown: str, following: str) -> str:
    """What to write instead of another tool's letter, where a number follows; empty: nothing."""
    return _HABITS.get(shown, "").format(following) if following.isdecimal() else ""
