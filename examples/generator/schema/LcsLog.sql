CREATE TABLE dbo.Users (
    UserId int NOT NULL PRIMARY KEY,
    UserUri nvarchar(450) NOT NULL,
    TenantId int NULL,
    UriTypeId int NULL
);
CREATE TABLE dbo.ContentTypes (
    ContentTypeId int NOT NULL PRIMARY KEY,
    ContentType nvarchar(256) NOT NULL
);
CREATE TABLE dbo.Messages (
    MessageIdTime datetime NOT NULL,
    MessageIdSeq int NOT NULL,
    SessionIdTime datetime NOT NULL,
    SessionIdSeq int NOT NULL,
    FromId int NOT NULL,
    ToId int NOT NULL,
    ContentTypeId int NOT NULL,
    Body ntext NULL,
    Toast bit NULL,
    ContextNote bit NULL,
    Subject bit NULL,
    PRIMARY KEY (MessageIdTime, MessageIdSeq)
);
CREATE TABLE dbo.Dialogs (
    SessionIdTime datetime NOT NULL,
    SessionIdSeq int NOT NULL,
    ExternalChecksum int NULL,
    ExternalId varbinary(775) NULL,
    PRIMARY KEY (SessionIdTime, SessionIdSeq)
);
CREATE TABLE dbo.ConferenceUris (
    ConferenceUriId int NOT NULL PRIMARY KEY,
    ConferenceUri nvarchar(450) NOT NULL,
    UriTypeId int NULL
);
CREATE TABLE dbo.Conferences (
    SessionIdTime datetime NOT NULL,
    SessionIdSeq int NOT NULL,
    ConferenceStartTime datetime NULL,
    ConferenceEndTime datetime NULL,
    OrganizerId int NULL,
    ConferenceUriId int NULL,
    PRIMARY KEY (SessionIdTime, SessionIdSeq)
);
CREATE TABLE dbo.ConferenceMessages (
    [Date] datetime NOT NULL,
    MessageId int NOT NULL,
    SessionIdTime datetime NOT NULL,
    SessionIdSeq int NOT NULL,
    FromId int NOT NULL,
    ContentTypeId int NOT NULL,
    Body ntext NULL,
    PRIMARY KEY ([Date], MessageId)
);
CREATE TABLE dbo.ConferenceMessageRecipientList (
    MessageId int NOT NULL,
    UserId int NOT NULL,
    SessionIdTime datetime NOT NULL,
    SessionIdSeq int NOT NULL,
    PRIMARY KEY (MessageId, UserId)
);
