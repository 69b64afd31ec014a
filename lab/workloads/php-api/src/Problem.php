<?php

declare(strict_types=1);

/** Why something can't be done, said to who asked (RFC 9457). */
class Problem extends Exception
{
    /** @param array<string, string> $headers */
    public function __construct(
        private readonly int $status,
        private readonly string $title,
        private readonly string $detail,
        private readonly array $headers = [],
    ) {
        parent::__construct($detail);
    }

    public function response(string $region): Response
    {
        $body = ['title' => $this->title, 'status' => $this->status, 'detail' => $this->detail, 'region' => $region];
        return new Response($this->status, $body, ['Content-Type' => 'application/problem+json', ...$this->headers]);
    }
}
