"""What a client has that shares the platform's MySQL."""

from __future__ import annotations

from tests.loading import loaded

MODULE = loaded("plugins/filter/kc_clients.py")


def test_a_client_owns_the_database_of_its_name_and_has_a_secret() -> None:
    filters = MODULE.FilterModule().filters()
    clients = {"bloom": {"connections": 3}, "oak-hill": {"databases": {"oak-hill": "read"}}}
    assert filters["kc_client_accounts"](clients) == {
        "bloom": {"instance": "main", "secret": "mysql-bloom", "databases": {"bloom": "own"}, "connections": 3},
        "oak-hill": {"instance": "main", "secret": "mysql-oak-hill", "databases": {"oak-hill": "read"}},
    }
    secrets = filters["kc_client_secrets"](clients)
    assert {name: about["username"] for name, about in secrets.items()} == {"mysql-bloom": "bloom", "mysql-oak-hill": "oak-hill"}
