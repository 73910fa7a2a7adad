"""The first released schema. Times: microseconds since the epoch. Decimals: plain digits in text."""


def _tables(row_id: str, flag: str, packed: str) -> tuple[str, ...]:
    return (
        """CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            key TEXT NOT NULL UNIQUE,
            password_hash TEXT NOT NULL,
            role TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )""",
        f"""CREATE TABLE token_families (
            id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            refresh_id TEXT NOT NULL,
            expires_at BIGINT NOT NULL,
            revoked {flag} NOT NULL
        )""",
        "CREATE INDEX token_families_user ON token_families (user_id)",
        "CREATE INDEX token_families_expiry ON token_families (expires_at)",
        """CREATE TABLE orders (
            id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            client_order_id TEXT,
            symbol TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            starts_at BIGINT NOT NULL,
            lot_size TEXT NOT NULL,
            slices_total BIGINT NOT NULL,
            ticket TEXT NOT NULL,
            terms TEXT NOT NULL,
            warnings TEXT NOT NULL,
            status TEXT NOT NULL,
            revision BIGINT NOT NULL,
            started_at BIGINT,
            ended_at BIGINT,
            slices_done BIGINT NOT NULL,
            executed TEXT NOT NULL,
            notional TEXT NOT NULL,
            fees TEXT NOT NULL,
            lots_count BIGINT NOT NULL,
            arrival_mid TEXT,
            taken TEXT NOT NULL,
            note TEXT,
            claim_owner TEXT,
            claim_until BIGINT NOT NULL DEFAULT 0,
            fence BIGINT NOT NULL DEFAULT 0,
            UNIQUE (user_id, client_order_id)
        )""",
        "CREATE INDEX orders_newest ON orders (user_id, created_at DESC, id DESC)",
        "CREATE INDEX orders_newest_by_status ON orders (user_id, status, created_at DESC, id DESC)",
        "CREATE INDEX orders_newest_by_symbol ON orders (user_id, symbol, created_at DESC, id DESC)",
        "CREATE INDEX orders_newest_by_symbol_and_status"
        " ON orders (user_id, symbol, status, created_at DESC, id DESC)",
        "CREATE INDEX orders_claimable ON orders (status, claim_until)",
        "CREATE INDEX orders_claimed ON orders (claim_owner, status)",
        f"""CREATE TABLE slices (
            id {row_id},
            order_id TEXT NOT NULL REFERENCES orders (id),
            number BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            looked_at BIGINT NOT NULL,
            planned TEXT NOT NULL,
            target TEXT NOT NULL,
            filled TEXT NOT NULL,
            reason TEXT,
            mid TEXT,
            venues {packed} NOT NULL,
            UNIQUE (order_id, number)
        )""",
        """CREATE TABLE executions (
            id TEXT NOT NULL PRIMARY KEY,
            order_id TEXT NOT NULL REFERENCES orders (id),
            slice BIGINT NOT NULL,
            position BIGINT NOT NULL,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL,
            quantity TEXT NOT NULL,
            price TEXT NOT NULL,
            fee TEXT NOT NULL,
            exchange TEXT NOT NULL,
            timestamp BIGINT NOT NULL,
            book_sequence BIGINT,
            book_exchange_time BIGINT,
            book_age_ms BIGINT NOT NULL
        )""",
        "CREATE INDEX executions_by_slice ON executions (order_id, slice, position)",
    )


SQLITE = _tables(row_id="INTEGER PRIMARY KEY", flag="INTEGER", packed="BLOB")
POSTGRES = _tables(row_id="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", flag="BOOLEAN", packed="BYTEA")
