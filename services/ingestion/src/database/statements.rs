//! The T-SQL that every kind of database is asked. Each statement names itself in its first comment: an
//! administrator sees in SQL Server who asks what.

/// For the rest of the connection: reads committed rows only, waits half a minute for a lock, and gives
/// way where two wait for each other.
pub(super) const SESSION: &str = "/* chatkeep:session */ \
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET LOCK_TIMEOUT 30000; \
    SET DEADLOCK_PRIORITY LOW;";

/// What tells the database apart from others, and the server's time in UTC: one row
/// (`service_broker_guid`, `create_date`, `now`).
pub(super) const IDENTITY: &str = "/* chatkeep:identity */ \
    SELECT d.service_broker_guid, d.create_date, CAST(SYSUTCDATETIME() AS datetime) AS now \
    FROM sys.databases AS d \
    WHERE d.database_id = DB_ID()";

/// Every column that the login may see: table, column, type.
pub(super) const COLUMNS: &str = "/* chatkeep:columns */ \
    SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE \
    FROM INFORMATION_SCHEMA.COLUMNS AS c \
    WHERE c.TABLE_SCHEMA = 'dbo'";
