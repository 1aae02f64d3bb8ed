"""A stand-in for an OAuth authorization server, over real HTTP on loopback, with real keys.

It signs what it is told to, good or bad, by hand: it shares no code with the verifier that it is there to test.
"""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from socketserver import TCPServer
from threading import Event, Thread
from typing import Any, Final, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typing_extensions import override

AUDIENCE: Final = "https://wallets.example.com/mcp"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | bytes


@dataclass(frozen=True, eq=False)
class Key:
    """A private key, or a shared secret, and the algorithm it is meant for."""

    id: str | None
    alg: str
    private: PrivateKey = field(repr=False)

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public part, as an issuer publishes it."""
        return {"kid": self.id, "use": "sig", "alg": self.alg, **_public_members(self.private)}

    @property
    def pem(self) -> bytes:
        """Its public part, as a file."""
        assert not isinstance(self.private, bytes)
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def make_key(id: str | None = "key-1", alg: str = "RS256", bits: int = 2048) -> Key:  # noqa: A002 - as in Key
    """A key; the same one for the same arguments, as they take long to make."""
    makers: Mapping[str, Callable[[], PrivateKey]] = {
        "RS": partial(rsa.generate_private_key, 65537, bits),
        "PS": partial(rsa.generate_private_key, 65537, bits),
        "ES": partial(ec.generate_private_key, ec.SECP384R1() if alg == "ES384" else ec.SECP256R1()),
        "Ed": ed25519.Ed25519PrivateKey.generate,
    }
    return Key(id, alg, makers[alg[:2]]())


class Request(NamedTuple):
    """One request as it arrived; names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """What is sent instead of a document."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Issuer:
    """A context manager: an issuer with metadata, keys and tokens. `tenant` is the path of its identifier.

    `keys` are published, the last of them signs. `changes` are made to the metadata; None takes a member away.
    `answers` are given instead of documents, by path; `always` instead of all.
    """

    def __init__(
        self, tenant: str = "", *, oidc: bool = False, audience: str = AUDIENCE, now: Callable[[], float] = time.time
    ) -> None:
        self.audience = audience
        self.keys = [make_key()]
        self.requests: list[Request] = []
        self.changes: dict[str, object] = {}
        self.answers: dict[str, Answer] = {}
        self.always: Answer | None = None
        self.asked = Event()
        self._tenant = tenant
        self._oidc = oidc
        self._now = now
        self._numbers = count(2)
        self._free = Event()
        self._free.set()
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self._answer))
        self._host = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """From now on connections are refused."""
        self._free.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The issuer's identifier."""
        return self._host + self._tenant

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.requests]

    @property
    def metadata_path(self) -> str:
        """By RFC 8414, or by OpenID Connect Discovery 1.0."""
        tenant = self._tenant.removesuffix("/")
        if self._oidc:
            return f"{tenant}/.well-known/openid-configuration"
        return f"/.well-known/oauth-authorization-server{tenant}"

    @property
    def jwks_path(self) -> str:
        return f"{self._tenant.removesuffix('/')}/keys"

    def rotate(self, alg: str = "RS256", *, keep: bool = False) -> Key:
        """Signs with a new key from now on; the ones before are published no more, unless they are to be kept."""
        key = make_key(f"key-{next(self._numbers)}", alg)
        self.keys = [*(self.keys if keep else []), key]
        return key

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lets every request wait until the end."""
        self.asked.clear()
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def token(
        self,
        *,
        key: Key | None = None,
        alg: str | None = None,
        headers: Mapping[str, object] | None = None,
        **changes: object,
    ) -> str:
        """A token for Asha that is good for five minutes, but for these changes; None takes a member away."""
        key, now = key or self.keys[-1], int(self._now())
        claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "asha",
            "client_id": "desk",
            "scope": "wallets:read",
            "iat": now,
            "exp": now + 300,
        }
        header = {"typ": "at+jwt", "kid": key.id, "alg": alg or key.alg, **(headers or {})}
        return sign(_without_none(header), _without_none({**claims, **changes}), key)

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        self.asked.set()
        self._free.wait(10)
        return self.always or self.answers.get(request.path) or self._document(request.path)

    def _document(self, path: str) -> Answer:
        documents: dict[str, object] = {
            self.metadata_path: _without_none(
                {"issuer": self.url, "jwks_uri": self._host + self.jwks_path, **self.changes}
            ),
            self.jwks_path: {"keys": [_without_none(key.jwk) for key in self.keys]},
        }
        return Answer(body=json.dumps(documents[path]).encode()) if path in documents else Answer(404)


def sign(header: Mapping[str, object], claims: Mapping[str, object] | bytes, key: Key) -> str:
    """A JWS by the algorithm that `header` names; claims that are bytes are signed as they are."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signed = f"{_base64(json.dumps(header).encode())}.{_base64(payload)}"
    return f"{signed}.{_base64(_signature(str(header.get('alg')), key.private, signed.encode()))}"


def _signature(alg: str, private: PrivateKey, signed: bytes) -> bytes:
    match private, alg:
        case _, "none":
            return b""
        case bytes(), _:
            return hmac.digest(private, signed, hashlib.sha256)
        case rsa.RSAPrivateKey(), "PS256":
            return private.sign(signed, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        case rsa.RSAPrivateKey(), _:
            return private.sign(signed, padding.PKCS1v15(), SHA256())
        case ec.EllipticCurvePrivateKey(), _:
            digest = SHA384() if private.key_size == 384 else SHA256()
            numbers = decode_dss_signature(private.sign(signed, ec.ECDSA(digest)))
            return b"".join(number.to_bytes(private.key_size // 8, "big") for number in numbers)
        case ed25519.Ed25519PrivateKey(), _:
            return private.sign(signed)
    raise AssertionError(alg)


def _public_members(private: PrivateKey) -> dict[str, str]:
    match private:
        case bytes():
            return {"kty": "oct", "k": _base64(private)}
        case rsa.RSAPrivateKey():
            numbers = private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        case ec.EllipticCurvePrivateKey():
            point, size = private.public_key().public_numbers(), private.key_size // 8
            members = {"x": _number(point.x, size), "y": _number(point.y, size)}
            return {"kty": "EC", "crv": f"P-{private.key_size}", **members}
        case ed25519.Ed25519PrivateKey():
            return {"kty": "OKP", "crv": "Ed25519", "x": _base64(private.public_key().public_bytes_raw())}


def _number(number: int, size: int = 0) -> str:
    return _base64(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _without_none(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    block_on_close = False

    @override
    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which takes seconds where there is no DNS.
        TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, answer: Callable[[Request], Answer], *connection: Any) -> None:
        self._answer = answer
        super().__init__(*connection)

    @override
    def log_message(self, *_: object) -> None:
        """Says nothing."""

    @override
    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            """The client has had enough, or has gone."""

    def do_GET(self) -> None:
        answer = self._answer(Request(self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
