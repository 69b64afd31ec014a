"""Whether a password is the one that a server keeps, without a login: those that fail are counted, and lock the account.

`caching_sha2_password` keeps `$A$<thousands of rounds, hex>$<20 bytes of salt><digest>`, the digest that of SHA-crypt
(sql/auth/sha2_password.cc; Ulrich Drepper, Unix crypt using SHA-256 and SHA-512, whose step numbers these are).
"""

from __future__ import annotations

import hashlib
import hmac

PLUGIN = "caching_sha2_password"
SALT = 20
_ALPHABET = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def matches(password: str, kept: bytes) -> bool:
    """Whether `kept` (`authentication_string` of `mysql.user`) is of this password; not so where it is of another plugin's form."""
    mark, kind, rounds, rest = [*kept.split(b"$", 3), b"", b"", b""][:4]
    if mark or kind != b"A" or len(rest) <= SALT:
        return False
    salt, digest = rest[:SALT], rest[SALT:]
    return hmac.compare_digest(digest, sha256_crypt(password.encode(), salt, int(rounds, 16) * 1000))


def sha256_crypt(key: bytes, salt: bytes, rounds: int) -> bytes:
    """Return the digest of SHA-crypt with SHA-256, in its own base 64."""
    alternate = hashlib.sha256(key + salt + key).digest()  # 4 to 8
    first = hashlib.sha256(key + salt + _repeated(alternate, len(key)))  # 1 to 10
    length = len(key)
    while length:  # 11
        first.update(alternate if length & 1 else key)
        length >>= 1
    found = first.digest()
    p = _repeated(hashlib.sha256(key * len(key)).digest(), len(key))  # 13 to 16
    s = _repeated(hashlib.sha256(salt * (16 + found[0])).digest(), len(salt))  # 17 to 20
    for number in range(rounds):  # 21
        found = hashlib.sha256(
            (p if number & 1 else found) + (s if number % 3 else b"") + (p if number % 7 else b"") + (found if number & 1 else p)
        ).digest()
    return _encoded(found)


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encoded(digest: bytes) -> bytes:
    """Return 43 characters (22 e): three bytes at a time, in an order of its own."""
    result = bytearray()
    places = (0, 10, 20)
    for _ in range(10):
        one, two, three = (digest[place] for place in places)
        result += _characters(one << 16 | two << 8 | three, 4)
        one, two, three = places
        places = ((one + 21) % 30, (two + 21) % 30, (three + 21) % 30)
    return bytes(result + _characters(digest[31] << 8 | digest[30], 3))


def _characters(number: int, count: int) -> bytes:
    return bytes(_ALPHABET[number >> 6 * place & 63] for place in range(count))
