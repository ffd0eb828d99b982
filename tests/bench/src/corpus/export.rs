//! A corpus as Export-CsArchivingData writes it, with the directory and connector file to archive it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{Chat, Corpus, OURS, escape};

/// Files per folder.
const PER_FOLDER: u32 = 1_000;

/// An export tree on disk.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) folder: PathBuf,
    pub(crate) bytes: u64,
}

impl Export {
    /// Writes `exports/` and `directory.csv` into `folder`.
    pub(crate) fn write(corpus: &Corpus, folder: &Path) -> io::Result<Self> {
        let mut bytes = 0;
        let pool = folder.join("exports/sql01.bench.example_rtc");
        for chat in corpus.chats() {
            let folder = pool.join(format!("{:04}", chat.index / PER_FOLDER));
            if chat.index % PER_FOLDER == 0 {
                fs::create_dir_all(&folder)?;
            }
            let file = eml(&chat);
            fs::write(folder.join(format!("{:08}.eml", chat.index)), &file)?;
            bytes += file.len() as u64;
        }
        let header = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n".to_owned();
        let rows = corpus
            .users()
            .map(|user| format!("{user},,{user},SMTP:{user},sip:{user}\n"));
        let directory: Vec<_> = std::iter::once(header).chain(rows).collect();
        fs::write(folder.join("directory.csv"), directory.concat())?;
        rustix::fs::sync();
        Ok(Self {
            folder: folder.to_owned(),
            bytes,
        })
    }

    /// Writes a connector file with this target.
    pub(crate) fn connector(&self, name: &str, target: &str) -> io::Result<PathBuf> {
        let file = self.folder.join(format!("{name}.toml"));
        let text = format!(
            "name = \"bench\"\ndomain = \"{OURS}\"\n\n[[sources]]\ntype = \"archiving-export\"\npath = \
             \"exports\"\n\n[directory]\ntype = \"csv\"\npath = \"directory.csv\"\n\n[target]\n{target}\n"
        );
        fs::write(&file, text)?;
        Ok(file)
    }
}

/// One conversation as the cmdlet writes it.
pub(crate) fn eml(chat: &Chat) -> Vec<u8> {
    let opener = &chat.participants[0];
    let others = &chat.participants[1..];
    let to: Vec<_> = others.iter().map(|one| format!("To: {one}\r\n")).collect();
    let subject = match others {
        [other] => format!("Conversation between {opener} and {other}"),
        _ => format!("Conference organized by {opener}"),
    };
    let date = time(chat.start).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "From: {opener}\r\n{}Subject: {subject}\r\nDate: {date}\r\nMIME-Version: 1.0\r\nContent-Type: \
         multipart/mixed; boundary=\"MIME_Boundary\"\r\n\r\n--MIME_Boundary\r\nContent-Type: text/html; \
         charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        to.concat()
    );
    let mut file = head.into_bytes();
    for line in STANDARD.encode(transcript(chat)).as_bytes().chunks(76) {
        file.extend_from_slice(line);
        file.extend_from_slice(b"\r\n");
    }
    file.extend_from_slice(b"\r\n--MIME_Boundary--\r\n");
    file
}

/// The transcript in the file, HTML.
pub(crate) fn transcript(chat: &Chat) -> String {
    let lines = chat.lines.iter().map(|line| {
        let sender = &chat.participants[line.sender as usize];
        let at = time(line.at).strftime("%H:%M:%S");
        let text = escape(&line.text);
        format!("<div><b>{sender}</b> {at}<br>{text}</div>\r\n")
    });
    let lines: Vec<_> = lines.collect();
    format!("<html><body>\r\n{}</body></html>\r\n", lines.concat())
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
