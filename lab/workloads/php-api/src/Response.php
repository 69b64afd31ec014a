<?php

declare(strict_types=1);

/** What is answered. */
final class Response
{
    /**
     * @param array<string, mixed>|null $body
     * @param array<string, string> $headers
     */
    public function __construct(
        private readonly int $status,
        private readonly ?array $body,
        private readonly array $headers = [],
    ) {
    }

    public function send(Request $request): void
    {
        http_response_code($this->status);
        $headers = ['Cache-Control' => 'no-store', 'Vary' => 'Origin', ...$this->headers];
        if ($request->isFromOurPage()) {
            $headers['Access-Control-Allow-Origin'] = $request->origin;
        }
        if ($this->body !== null) {
            $headers += ['Content-Type' => 'application/json'];
        }
        foreach ($headers as $name => $value) {
            header("{$name}: {$value}");
        }
        if ($this->body !== null && $request->method !== 'HEAD') {
            echo json_encode($this->body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        }
    }
}
