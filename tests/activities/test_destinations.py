import pytest

from activities.destinations import ForbiddenDestination, check_destination, vetted_address

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.3",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "168.63.129.16",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2620:4f:8000::1",
    "3ffe::1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:c0a8:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "192.0.1.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
]


def url_to(address: str) -> str:
    return f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook"


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenDestination):
        check_destination(url_to(address), allow_local=False)


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_name_that_stands_for_such_an_address_is_refused(address: str) -> None:
    destination = check_destination("https://api.firstcredit.com/webhooks/caas", allow_local=False)

    async def both(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8", address]

    with pytest.raises(ForbiddenDestination):
        await vetted_address(destination, allow_local=False, resolve=both)


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_dialed(address: str) -> None:
    destination = check_destination(url_to(address), allow_local=False)

    assert str(await vetted_address(destination, allow_local=False)) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.firstcredit.com/hook",
        "//api.firstcredit.com/hook",
        "http://api.firstcredit.com/hook",
        "ftp://api.firstcredit.com/hook",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "https://",
        "https:///hook",
        "https://user@api.firstcredit.com/hook",
        "https://user:secret@api.firstcredit.com/hook",
        "https://api.firstcredit.com:22/hook",
        "https://api.firstcredit.com:0/hook",
        "https://api.firstcredit.com:99999/hook",
        "https://api.firstcredit.com:x/hook",
        "https://[::1/hook",
        "https://[fe80::1%25eth0]/hook",
        "https://api.firstcredit.com\\@127.0.0.1/hook",
        "https://api.firstcredit.com/a b",
        "https://api.firstcredit.com/\r\nHost: x",
        "https://api.firstcredit.com/\0",
        "https://api.firstcredit.com/%0d%0aHost:%20x",
        "https://api.firstcredit.com/%zz",
        "https://api.firstcredit.com/hook%",
        "https://api.firstcredit.com/<script>",
        "https://api.firstcredit.com/hook#part",
        "https://api.firstcredit.com#@127.0.0.1/",
        "https://api.firstcredit.com?@127.0.0.1/",
        "https://@api.firstcredit.com/hook",
        "https://:@api.firstcredit.com/hook",
        "https://api.firstcredit.com:/hook",
        "https://api.firstcredit.com:0443/hook",
        "https://api.firstcredit.com:+443/hook",
        "https://api.firstcredit.com:80/hook",
        "https:api.firstcredit.com/hook",
        "https:/api.firstcredit.com/hook",
        "https:\\\\api.firstcredit.com/hook",
        " https://api.firstcredit.com/hook",
        "https://api.firstcredit.com/hook\n",
        "ht\ttps://api.firstcredit.com/hook",
        "wss://api.firstcredit.com/hook",
        "javascript:alert(1)",
        "https://äpi.firstcredit.com/hook",
        "https://api.firstcredit.com/" + "a" * 2048,
    ],
)
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenDestination):
        check_destination(url, allow_local=False)


@pytest.mark.parametrize("allow_local", [False, True])
@pytest.mark.parametrize(
    "disguise",
    [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0x7F.0x0.0x0.0x1",
        "0x",
        "0177.0.0.1",
        "017700000001",
        "08.8.8.8",
        "8.8.8.010",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "a.b.0x7f",
    ],
)
def test_an_address_in_disguise_is_refused_wherever_it_leads(disguise: str, allow_local: bool) -> None:  # noqa: FBT001
    with pytest.raises(ForbiddenDestination):
        check_destination(f"https://{disguise}/hook", allow_local=allow_local)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "api.localhost",
        "intranet",
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data.ec2.internal",
        "printer.local",
        "localhost.localdomain",
        "router.lan",
        "nas.home.arpa",
        "1.0.0.127.in-addr.arpa",
        "expyuzz4wqqyqhjn.onion",
        "lender.invalid",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "127.0.0.1.nip.io",
        "127-0-0-1.sslip.io",
        "localtest.me",
        "app.lvh.me",
        "api.firstcredit.com.",
        ".firstcredit.com",
        "api..firstcredit.com",
        "-api.firstcredit.com",
        "api-.firstcredit.com",
        "a_b.firstcredit.com",
        "a" * 64 + ".firstcredit.com",
        "a." * 125 + "firstcredit.com",
        "firstcredit.c",
        "firstcredit.c0m",
        "127.0.0.1:443:443",
        "[8.8.8.8]",
        "[v1.8.8.8.8]",
        "[::1]firstcredit.com",
        "[]",
        "[2606:4700:4700::1111",
        "2606:4700:4700::1111",
        "[2606:4700:4700::5efe:7f00:1]",
        "%31%32%37.0.0.1",
        "api.firstcredit.com%2f@127.0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",  # noqa: RUF001 - full width on purpose
        "ⓛocalhost",
        "api.firstcredit.com,127.0.0.1",
        "api.firstcredit.com;127.0.0.1",
    ],
)
def test_a_host_that_is_no_public_name_is_refused(name: str) -> None:
    with pytest.raises(ForbiddenDestination):
        check_destination(f"https://{name}/hook", allow_local=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.firstcredit.com",
        "HTTPS://API.firstcredit.com/Hook",
        "https://a.b.c.d.firstcredit.co.uk/hook/caas?tenant=1&next=http://127.0.0.1/",
        "https://xn--bcher-kva.xn--p1ai:8443/hook",
        "https://1password.com/@caas/%7Bid%7D",
        "https://10-0-0-1.firstcredit.com/",
        "https://localhost.firstcredit.com/",
        "https://hooks.lender.example/caas;v=1",
        "https://" + "a" * 63 + ".com/",
    ],
)
def test_a_public_https_url_is_taken(url: str) -> None:
    check_destination(url, allow_local=False)


async def test_the_sandbox_takes_names_of_its_own_network() -> None:
    for name in ("sandbox", "localhost", "lenders.internal"):
        check_destination(f"http://{name}:8090/hook", allow_local=True)


def test_the_port_may_be_the_other_usual_one() -> None:
    assert check_destination("https://api.firstcredit.com:8443/h?a=b", allow_local=False).authority == (
        "api.firstcredit.com:8443"
    )


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://API.FirstCredit.com", "api.firstcredit.com"),
        ("https://api.firstcredit.com:443/", "api.firstcredit.com"),
        ("https://[2606:4700:4700::1111]:8443/", "[2606:4700:4700::1111]:8443"),
    ],
)
def test_the_host_header_is_the_name_the_lender_gave(url: str, authority: str) -> None:
    assert check_destination(url, allow_local=False).authority == authority


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "[::1]:8090", "10.0.0.7:80", "172.18.0.3:8090", "192.168.0.9:1234"])
def test_the_sandbox_may_post_within_this_machine_and_its_network(host: str) -> None:
    check_destination(f"http://{host}/lenders/first/webhooks", allow_local=True)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://8.8.8.8/", "http://0.0.0.0/", "https://[fe80::1]/"]
)
def test_the_sandbox_may_go_no_further(url: str) -> None:
    with pytest.raises(ForbiddenDestination):
        check_destination(url, allow_local=True)


async def test_the_sandbox_takes_plain_http_to_local_names_only() -> None:
    destination = check_destination("http://api.firstcredit.com/hook", allow_local=True)

    async def outside(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8"]

    async def inside(_host: str, _port: int) -> list[str]:
        return ["172.18.0.3"]

    with pytest.raises(ForbiddenDestination):
        await vetted_address(destination, allow_local=True, resolve=outside)
    assert str(await vetted_address(destination, allow_local=True, resolve=inside)) == "172.18.0.3"


async def test_a_name_without_an_address_is_refused() -> None:
    destination = check_destination("https://nowhere.example/hook", allow_local=False)

    async def nothing(_host: str, _port: int) -> list[str]:
        return []

    with pytest.raises(ForbiddenDestination):
        await vetted_address(destination, allow_local=False, resolve=nothing)
