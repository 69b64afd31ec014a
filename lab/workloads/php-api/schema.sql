-- What the API keeps. Can be run again at any time.
CREATE TABLE IF NOT EXISTS courses (
  id       VARCHAR(64)  NOT NULL PRIMARY KEY,
  title    VARCHAR(200) NOT NULL,
  summary  VARCHAR(500) NOT NULL,
  category VARCHAR(64)  NOT NULL,
  level    VARCHAR(32)  NOT NULL,
  hours    SMALLINT UNSIGNED NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS enrolments (
  id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  course  VARCHAR(64) NOT NULL,
  learner VARCHAR(64) NOT NULL,
  region  VARCHAR(32) NOT NULL COMMENT 'that took it',
  created DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  UNIQUE KEY once (learner, course),
  FOREIGN KEY (course) REFERENCES courses (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
