<?php

declare(strict_types=1);

/** The courses of a region that has no database yet, and those that a new database begins with. */
final class Courses
{
    public const ALL = [
        [
            'id' => 'cyber-awareness', 'title' => 'Cyber Security Awareness', 'category' => 'Technology', 'level' => 'Beginner', 'hours' => 2,
            'summary' => 'Spot a phishing mail before it spots you, and know whom to call.',
        ],
        [
            'id' => 'leading-change', 'title' => 'Leading Through Change', 'category' => 'Leadership', 'level' => 'Advanced', 'hours' => 6,
            'summary' => 'Bring people along when the plan is new and nobody asked for it.',
        ],
        [
            'id' => 'data-literacy', 'title' => 'Data Literacy for Teams', 'category' => 'Data', 'level' => 'Beginner', 'hours' => 4,
            'summary' => 'Read a chart, question a number, and decide with both.',
        ],
        [
            'id' => 'workplace-safety', 'title' => 'Workplace Safety Essentials', 'category' => 'Safety', 'level' => 'Beginner', 'hours' => 3,
            'summary' => 'See risks early, on the shop floor and at the desk.',
        ],
        [
            'id' => 'business-arabic', 'title' => 'Business Writing in Arabic', 'category' => 'Language', 'level' => 'Intermediate', 'hours' => 8,
            'summary' => 'Letters, mails and reports that are read to the end.',
        ],
        [
            'id' => 'memorable-service', 'title' => 'Service That Customers Remember', 'category' => 'Service', 'level' => 'Beginner', 'hours' => 2,
            'summary' => 'Turn a complaint into the reason why somebody stays.',
        ],
        [
            'id' => 'first-time-managers', 'title' => 'First-Time Managers', 'category' => 'Leadership', 'level' => 'Beginner', 'hours' => 5,
            'summary' => 'From colleague to manager: feedback, delegation and the first hundred days.',
        ],
        [
            'id' => 'spreadsheets', 'title' => 'Spreadsheets Beyond the Basics', 'category' => 'Data', 'level' => 'Intermediate', 'hours' => 4,
            'summary' => 'Lookups, pivots and models that a colleague can follow.',
        ],
        [
            'id' => 'cloud-foundations', 'title' => 'Cloud Foundations', 'category' => 'Technology', 'level' => 'Intermediate', 'hours' => 6,
            'summary' => 'Regions, networks and what happens when one of them goes dark.',
        ],
    ];
}
