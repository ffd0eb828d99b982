use reqwest::Response;
use tonic::Status;

use super::{documents::Progress, problem};

/// The longest event.
const LONGEST: usize = 1 << 20;

/// Progress of a run, event by event ("Server-sent events", HTML Living Standard, 9.2).
pub(super) struct Events {
    response: Response,
    read: Vec<u8>,
}

impl Events {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            read: Vec::new(),
        }
    }

    /// The next one; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Progress>, Status> {
        loop {
            if let Some(data) = take(&mut self.read) {
                let progress = serde_json::from_str(&data);
                return progress.map(Some).map_err(|_| problem::unreadable());
            }
            if self.read.len() > LONGEST {
                return Err(problem::unreadable());
            }
            let piece = self.response.chunk().await;
            match piece.map_err(|error| problem::unanswered(&error))? {
                Some(piece) => self.read.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }
}

/// Takes the data of the first whole event that has any; events are apart by an empty line.
fn take(read: &mut Vec<u8>) -> Option<String> {
    loop {
        let end = read.windows(2).position(|two| two == b"\n\n")?;
        let event: Vec<_> = read.drain(..end + 2).collect();
        let event = String::from_utf8_lossy(&event);
        let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<_> = data
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        if !data.is_empty() {
            return Some(data.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_when_it_is_whole_and_comments_are_none() {
        let mut read = b": still there\n\nevent: progress\ndata: {\"a\"".to_vec();
        assert_eq!(take(&mut read), None);

        read.extend_from_slice(b":1}\n\ndata:2\n");

        assert_eq!(take(&mut read).as_deref(), Some("{\"a\":1}"));
        assert_eq!(take(&mut read), None);
    }
}
