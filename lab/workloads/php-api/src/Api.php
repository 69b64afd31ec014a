<?php

declare(strict_types=1);

/** What the API can do. */
final class Api
{
    private const METHODS = [
        '/' => ['GET'],
        '/health' => ['GET'],
        '/courses' => ['GET'],
        '/enrolments' => ['GET', 'POST'],
    ];

    public function __construct(
        private readonly Database $database,
        public readonly string $region,
    ) {
    }

    public function answer(Request $request): Response
    {
        $methods = self::METHODS[$request->path] ?? throw new Problem(404, 'Not found', "There is nothing at {$request->path}.");
        $method = $request->method === 'HEAD' ? 'GET' : $request->method;
        if ($method === 'OPTIONS') {
            return $this->preflight($request, $methods);
        }
        if (!in_array($method, $methods, true)) {
            throw new Problem(405, 'Method not allowed', "{$method} is not for {$request->path}.", ['Allow' => implode(', ', $methods)]);
        }
        return match ("{$method} {$request->path}") {
            'GET /' => $this->ok(['service' => 'php-api']),
            'GET /health' => $this->health(),
            'GET /courses' => $this->courses(),
            'GET /enrolments' => $this->enrolments($request),
            'POST /enrolments' => $this->enrol($request),
        };
    }

    /** @param list<string> $methods */
    private function preflight(Request $request, array $methods): Response
    {
        $allowed = [
            'Access-Control-Allow-Methods' => implode(', ', $methods),
            'Access-Control-Allow-Headers' => 'Content-Type',
            'Access-Control-Max-Age' => '600',
        ];
        return new Response(204, null, $request->isFromOurPage() ? $allowed : []);
    }

    /** Whether this region can serve. One without a database yet can: it shows the courses. One whose database fails can't. */
    private function health(): Response
    {
        $state = $this->database->state();
        $good = $state !== 'failed';
        $body = ['status' => $good ? 'ok' : 'failed', 'database' => $state, 'region' => $this->region];
        return new Response($good ? 200 : 503, $body);
    }

    private function courses(): Response
    {
        if (!$this->database->isThere()) {
            return $this->ok(['source' => 'built-in', 'courses' => Courses::ALL]);
        }
        $courses = $this->database->rows('SELECT id, title, summary, category, level, hours FROM courses ORDER BY title');
        return $this->ok(['source' => 'database', 'courses' => $courses]);
    }

    private function enrolments(Request $request): Response
    {
        $learner = self::name($request->query, 'learner');
        $this->needDatabase();
        $found = $this->database->rows(
            "SELECT course, learner, region, DATE_FORMAT(created, '%Y-%m-%dT%H:%i:%s.%fZ') AS created FROM enrolments"
                . ' WHERE learner = :learner ORDER BY id',
            ['learner' => $learner],
        );
        return $this->ok(['enrolments' => $found]);
    }

    /** Enrol somebody in a course. A second time changes nothing and is no error: a lost answer can be asked for again. */
    private function enrol(Request $request): Response
    {
        $fields = $request->fields();
        $values = ['course' => self::name($fields, 'course'), 'learner' => self::name($fields, 'learner')];
        $this->needDatabase();
        if (!$this->database->rows('SELECT id FROM courses WHERE id = :course', ['course' => $values['course']])) {
            throw new Problem(404, 'Not found', "There is no course `{$values['course']}`.");
        }
        $this->database->write(
            'INSERT INTO enrolments (course, learner, region) VALUES (:course, :learner, :region) ON DUPLICATE KEY UPDATE id = id',
            [...$values, 'region' => $this->region],
        );
        return $this->ok(['enrolment' => $values], 201);
    }

    private function needDatabase(): void
    {
        if (!$this->database->isThere()) {
            throw new Problem(503, 'No database', 'Enrolments are kept in a database, and this region has none yet.');
        }
    }

    /** @param array<string, mixed> $body */
    private function ok(array $body, int $status = 200): Response
    {
        return new Response($status, ['region' => $this->region, ...$body]);
    }

    /**
     * A field that names something.
     *
     * @param array<string, mixed> $fields
     */
    private static function name(array $fields, string $field): string
    {
        $value = $fields[$field] ?? null;
        if (!is_string($value) || !preg_match('/\A[A-Za-z0-9_-]{1,64}\z/', $value)) {
            throw new Problem(400, 'Bad request', "`{$field}` must be 1 to 64 letters, digits, - or _.");
        }
        return $value;
    }
}
