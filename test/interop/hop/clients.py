"""Two hosts over one proxy connection, as urllib3 and httpx use it: prints one line a response."""
import sys

import httpx
import urllib3

proxy, first, second, denied = sys.argv[1:]


def chunks():
    yield b"abc"
    yield b"def"


manager = urllib3.ProxyManager(
    proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth="alice:secret"), maxsize=1, num_pools=1
)
for url in (first, second, first, denied, second):
    answer = manager.request("GET", url, headers={"Cookie": "of=" + url}, retries=False)
    print("urllib3", answer.status, answer.data.decode().strip())

login = proxy.replace("http://", "http://alice:secret@")
limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
with httpx.Client(proxies=login, limits=limits) as client:
    for url in (first, second, first, denied, second):
        answer = client.get(url, headers={"Cookie": "of=" + url})
        print("httpx", answer.status_code, answer.text.strip())
    answer = client.post(first, content=chunks())
    print("httpx", answer.status_code, answer.text.strip())
