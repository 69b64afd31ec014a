<?php

declare(strict_types=1);

/** What is asked. */
final class Request
{
    /** @param array<string, mixed> $query */
    public function __construct(
        public readonly string $method,
        public readonly string $path,
        public readonly array $query,
        public readonly string $host,
        public readonly string $origin,
        private readonly string $type,
        private readonly string $body,
    ) {
    }

    public static function now(): self
    {
        return new self(
            $_SERVER['REQUEST_METHOD'],
            rtrim((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH), '/') ?: '/',
            $_GET,
            explode(':', $_SERVER['HTTP_HOST'] ?? '')[0],
            $_SERVER['HTTP_ORIGIN'] ?? '',
            $_SERVER['CONTENT_TYPE'] ?? '',
            (string) file_get_contents('php://input'),
        );
    }

    /**
     * The body's fields.
     *
     * @return array<string, mixed>
     */
    public function fields(): array
    {
        if (strtolower(trim(explode(';', $this->type)[0])) !== 'application/json') {
            throw new Problem(415, 'Unsupported media type', 'Send JSON, as Content-Type: application/json.');
        }
        $fields = json_decode($this->body, true, 8);
        if (!is_array($fields)) {
            throw new Problem(400, 'Bad request', 'The body is no JSON object.');
        }
        return $fields;
    }

    /** Whether a browser's page at `origin` may read our answers: the pages of our own domain may. */
    public function isFromOurPage(): bool
    {
        [, $domain] = explode('.', $this->host, 2) + ['', ''];
        return $domain !== '' && in_array($this->origin, ["https://app.{$domain}", "https://learn.{$domain}"], true);
    }
}
