<?php

declare(strict_types=1);

/** The database is a replica, or on its way to another region: what was asked can't be saved here, now. */
final class OnlyReads extends Problem
{
}
