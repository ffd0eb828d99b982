CREATE TABLE dbo.tblNode (
    nodeID int NOT NULL PRIMARY KEY,
    nodeGuid uniqueidentifier NOT NULL,
    parentID int NOT NULL,
    nodeType bit NOT NULL,
    nodeName nvarchar(256) NOT NULL
);
CREATE TABLE dbo.tblPrincipal (
    prinID int NOT NULL PRIMARY KEY,
    prinUri nvarchar(256) NOT NULL,
    prinDisplayName nvarchar(256) NOT NULL,
    prinEmail nvarchar(256) NULL
);
CREATE TABLE dbo.tblChat (
    channelId int NOT NULL,
    chatId bigint NOT NULL,
    chatDate bigint NOT NULL,
    userId int NOT NULL,
    isAlert bit NOT NULL,
    content nvarchar(max) NOT NULL,
    rtf varchar(max) NULL,
    PRIMARY KEY (channelId, chatId)
);
CREATE TABLE dbo.tblLastChatId (
    nodeID int NOT NULL PRIMARY KEY,
    lastChatID bigint NOT NULL
);
