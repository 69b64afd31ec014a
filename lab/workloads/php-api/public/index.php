<?php

declare(strict_types=1);

// Every request ends here.

spl_autoload_register(static function (string $class): void {
    require __DIR__ . "/../src/{$class}.php";
});

(static function (): void {
    $api = new Api(new Database(), (string) getenv('APP_REGION'));
    $request = Request::now();
    try {
        $response = $api->answer($request);
    } catch (Problem $problem) {
        $response = $problem->response($api->region);
    } catch (Throwable $error) {
        error_log((string) $error);
        $response = (new Problem(500, 'Internal error', 'Something went wrong here. It is logged.'))->response($api->region);
    }
    $response->send($request);
})();
