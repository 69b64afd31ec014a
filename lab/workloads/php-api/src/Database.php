<?php

declare(strict_types=1);

/**
 * MySQL, which may not be there: a region can be built before its database, or without one.
 *
 * It is there when MYSQL_HOST is set and its name has an address. It is asked over TLS only, and its certificate is checked.
 */
final class Database
{
    private const SECONDS = 2;

    /** Seconds for which a name without an address is not asked for again; looking may take as long as a name server's silence. */
    private const ABSENT = 5;
    private const MARK = '/tmp/database-absent';

    /** What MySQL says where nothing may be written: a replica, or one that is being switched over. */
    private const READ_ONLY = [1290, 1792, 1836];

    private ?PDO $connection = null;

    public function isThere(): bool
    {
        $host = (string) getenv('MYSQL_HOST');
        $marked = @filemtime(self::MARK);
        if ($host === '' || ($marked !== false && $marked > time() - self::ABSENT)) {
            return false;
        }
        if (gethostbynamel($host) === false) {
            touch(self::MARK);
            return false;
        }
        return true;
    }

    /** "ok", "absent" or "failed". */
    public function state(): string
    {
        if (!$this->isThere()) {
            return 'absent';
        }
        try {
            $this->rows('SELECT 1');
            return 'ok';
        } catch (Problem) {
            return 'failed';
        }
    }

    /**
     * @param array<string, mixed> $values
     * @return list<array<string, mixed>>
     */
    public function rows(string $sql, array $values = []): array
    {
        return $this->run($sql, $values)->fetchAll();
    }

    /** @param array<string, mixed> $values */
    public function write(string $sql, array $values = []): void
    {
        $this->run($sql, $values);
    }

    /** @param array<string, mixed> $values */
    private function run(string $sql, array $values): PDOStatement
    {
        try {
            $statement = ($this->connection ??= $this->connect())->prepare($sql);
            $statement->execute($values);
            return $statement;
        } catch (PDOException $error) {
            $this->connection = null;
            error_log("MySQL: {$error->getMessage()}");
            $wait = ['Retry-After' => '5'];
            if (in_array($error->errorInfo[1] ?? 0, self::READ_ONLY, true)) {
                throw new OnlyReads(503, 'Database is read-only', 'Nothing can be saved right now.', $wait);
            }
            throw new Problem(503, 'Database failed', 'The database does not answer right now.', $wait);
        }
    }

    private function connect(): PDO
    {
        $where = 'mysql:charset=utf8mb4;host=' . getenv('MYSQL_HOST') . ';port=' . (getenv('MYSQL_PORT') ?: '3306')
            . ';dbname=' . getenv('MYSQL_DATABASE');
        return new PDO($where, (string) getenv('MYSQL_USER'), (string) getenv('MYSQL_PASSWORD'), [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::ATTR_EMULATE_PREPARES => false,
            PDO::ATTR_TIMEOUT => self::SECONDS,
            PDO::MYSQL_ATTR_SSL_CA => getenv('MYSQL_CA') ?: '/etc/ssl/certs/ca-certificates.crt',
            PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true,
        ]);
    }
}
