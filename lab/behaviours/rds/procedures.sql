-- What RDS lets its master user do that only an administrator can, by procedures of its name, arguments and refusals.
-- RDS for MySQL user guide, stored procedure reference: those of 8.4 and higher.
CREATE TABLE IF NOT EXISTS mysql.rds_configuration (name VARCHAR(100) PRIMARY KEY, value VARCHAR(100), description VARCHAR(300))
//
INSERT IGNORE INTO mysql.rds_configuration VALUES
  ('binlog retention hours', NULL, 'binlog retention hours specifies the duration in hours before binary logs are automatically deleted.'),
  ('source delay', '0', 'source delay specifies replication delay in seconds between current instance and its source.'),
  ('target delay', '0', 'target delay specifies replication delay in seconds between current instance and its future read-replica.')
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_refuse_on_replica()
BEGIN
  IF EXISTS (SELECT 1 FROM performance_schema.replication_connection_configuration WHERE user = 'rdsrepladmin') THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Permission Denied: This instance is a RDS Read Replica.';
  END IF;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_refuse_while_replicating()
BEGIN
  IF EXISTS (
    SELECT 1 FROM performance_schema.replication_connection_status c JOIN performance_schema.replication_applier_status a USING (channel_name)
    WHERE c.service_state != 'OFF' OR a.service_state != 'OFF'
  ) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'You can''t modify replication because replication is running. First call mysql.rds_stop_replication.';
  END IF;
END
//
-- with the rights of whoever calls it: of the procedures below, the administrator's
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_run(IN statement LONGTEXT) SQL SECURITY INVOKER
BEGIN
  SET @rds_statement = statement;
  PREPARE rds_statement FROM @rds_statement;
  SET @rds_statement = NULL;
  EXECUTE rds_statement;
  DEALLOCATE PREPARE rds_statement;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_set_external_source_with_auto_position(
  IN host VARCHAR(255), IN port INT, IN user TEXT, IN passwd TEXT, IN enable_ssl_encryption TINYINT(1), IN delay INT)
BEGIN
  IF delay NOT BETWEEN 0 AND 86400 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'For source delay the value must be between 0 and 86400 inclusive.';
  END IF;
  CALL mysql.rds_refuse_on_replica();
  CALL mysql.rds_refuse_while_replicating();
  CALL mysql.rds_run(CONCAT(
    'CHANGE REPLICATION SOURCE TO SOURCE_HOST = ', QUOTE(TRIM(host)), ', SOURCE_PORT = ', port, ', SOURCE_USER = ', QUOTE(TRIM(user)),
    ', SOURCE_PASSWORD = ', QUOTE(TRIM(passwd)), ', SOURCE_SSL = ', enable_ssl_encryption, ', SOURCE_AUTO_POSITION = 1, SOURCE_DELAY = ', delay));
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_set_external_source(
  IN host VARCHAR(255), IN port INT, IN user TEXT, IN passwd TEXT, IN name TEXT, IN pos BIGINT UNSIGNED, IN enable_ssl_encryption TINYINT(1))
BEGIN
  CALL mysql.rds_refuse_on_replica();
  CALL mysql.rds_refuse_while_replicating();
  CALL mysql.rds_run(CONCAT(
    'CHANGE REPLICATION SOURCE TO SOURCE_HOST = ', QUOTE(TRIM(host)), ', SOURCE_PORT = ', port, ', SOURCE_USER = ', QUOTE(TRIM(user)),
    ', SOURCE_PASSWORD = ', QUOTE(TRIM(passwd)), ', SOURCE_SSL = ', enable_ssl_encryption, ', SOURCE_AUTO_POSITION = 0, SOURCE_LOG_FILE = ',
    QUOTE(TRIM(name)), ', SOURCE_LOG_POS = ', pos));
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_set_external_source_gtid_purged(
  IN server_uuid VARCHAR(36), IN start_pos BIGINT, IN end_pos BIGINT)
BEGIN
  DECLARE added TEXT;
  CALL mysql.rds_refuse_on_replica();
  IF EXISTS (
    SELECT 1 FROM performance_schema.replication_connection_status c JOIN performance_schema.replication_applier_status a USING (channel_name)
    WHERE c.service_state = 'ON' OR a.service_state = 'ON'
  ) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'You can''t modify gtid_purged because replication is already running.';
  ELSEIF NOT IS_UUID(server_uuid) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Invalid input value for server_uuid';
  ELSEIF start_pos < 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Invalid input value for start_pos. The value of start_pos should be greater than or equal to 1';
  ELSEIF end_pos < start_pos THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Invalid input value for end_pos. The value of end_pos should be greater than or equal to start_pos value';
  ELSEIF server_uuid = @@GLOBAL.server_uuid THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'You cannot change the GTID set belongs to the current instance';
  END IF;
  SET added = CONCAT(server_uuid, ':', start_pos, '-', end_pos);
  IF GTID_SUBTRACT(added, @@GLOBAL.gtid_executed) != LOWER(IF(start_pos = end_pos, CONCAT(server_uuid, ':', start_pos), added)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The GTID set must be a superset of current @@GLOBAL.GTID_PURGED value';
  END IF;
  SET GLOBAL gtid_purged = CONCAT('+', added);
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_reset_external_source()
BEGIN
  CALL mysql.rds_refuse_on_replica();
  STOP REPLICA;
  RESET REPLICA ALL;
  SELECT 'Slave has been reset' AS message;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_start_replication()
BEGIN
  START REPLICA;
  SELECT 'Slave running normally.' AS Message;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_stop_replication()
BEGIN
  STOP REPLICA;
  SELECT 'Slave is down or disabled' AS Message;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_start_replication_until_gtid(IN gtid TEXT)
BEGIN
  CALL mysql.rds_refuse_while_replicating();
  CALL mysql.rds_run(CONCAT('START REPLICA UNTIL SQL_AFTER_GTIDS = ', QUOTE(gtid)));
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_skip_transaction_with_gtid(IN gtid_to_skip TEXT)
BEGIN
  STOP REPLICA SQL_THREAD;
  CALL mysql.rds_run(CONCAT('SET gtid_next = ', QUOTE(gtid_to_skip)));
  START TRANSACTION;
  COMMIT;
  SET gtid_next = 'AUTOMATIC';
  START REPLICA;
  SELECT 'Transaction has been skipped successfully.' AS Message;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_set_source_delay(IN delay INT)
BEGIN
  IF delay NOT BETWEEN 0 AND 86400 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'For source delay the value must be between 0 and 86400 inclusive.';
  END IF;
  STOP REPLICA SQL_THREAD;
  CALL mysql.rds_run(CONCAT('CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ', delay));
  START REPLICA SQL_THREAD;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_set_configuration(IN name VARCHAR(30), IN value INT)
BEGIN
  DECLARE logged BOOLEAN DEFAULT @@SESSION.sql_log_bin;
  DECLARE message TEXT DEFAULT CONCAT('Cannot set unknown configuration parameter ', QUOTE(name), ' using mysql.rds_set_configuration.');
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET SESSION sql_log_bin = logged; RESIGNAL; END;
  IF NOT EXISTS (SELECT 1 FROM mysql.rds_configuration c WHERE c.name = name) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = message;
  ELSEIF name = 'binlog retention hours' AND value NOT BETWEEN 1 AND 168 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'For binlog retention hours the value must be between 1 and 168 inclusive or be NULL';
  ELSEIF name != 'binlog retention hours' AND (value IS NULL OR value NOT BETWEEN 0 AND 86400) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'For source delay the value must be between 0 and 86400 inclusive.';
  END IF;
  SET SESSION sql_log_bin = OFF;
  UPDATE mysql.rds_configuration c SET c.value = value WHERE c.name = name;
  SET SESSION sql_log_bin = logged;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_show_configuration()
BEGIN
  SELECT name, value, description FROM mysql.rds_configuration;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_refuse_own(IN thread BIGINT)
BEGIN
  IF EXISTS (SELECT 1 FROM performance_schema.threads WHERE processlist_id = thread AND processlist_user IN ('rdsadmin', 'rdsrepladmin', 'system user')) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Cannot kill RDSADMIN session';
  END IF;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_kill(IN thread BIGINT)
BEGIN
  CALL mysql.rds_refuse_own(thread);
  KILL thread;
END
//
CREATE DEFINER = rdsadmin@localhost PROCEDURE mysql.rds_kill_query(IN thread BIGINT)
BEGIN
  CALL mysql.rds_refuse_own(thread);
  KILL QUERY thread;
END
