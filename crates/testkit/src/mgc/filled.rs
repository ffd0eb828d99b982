use super::tables::{Chat, Node, Principal, Store};
use crate::{
    tds::Row,
    tsql::{Cells, Fill, SqlError},
};

/// Rows come with all columns, in the order of the tables'.
impl Fill for Store {
    fn insert(&mut self, table: &str, row: Row) -> Result<(), SqlError> {
        let mut cells = Cells::of(table, row);
        let is_new = match table.to_ascii_lowercase().as_str() {
            "tblnode" => {
                let (id, node) = node(&mut cells)?;
                self.nodes.insert(id, node).is_none()
            }
            "tblprincipal" => {
                let id = cells.int()?;
                let principal = Principal {
                    uri: cells.text()?,
                    name: cells.text()?,
                    email: cells.text_or_null()?,
                };
                self.principals.insert(id, principal).is_none()
            }
            "tblchat" => {
                let key = (cells.int()?, cells.big()?);
                self.chats.insert(key, chat(&mut cells)?).is_none()
            }
            "tbllastchatid" => {
                let (node, last) = (cells.int()?, cells.big()?);
                self.last.insert(node, last).is_none()
            }
            _ => return Err(SqlError::Unknown(format!("rows of table {table}"))),
        };
        if is_new {
            Ok(())
        } else {
            Err(SqlError::Duplicate(table.to_owned()))
        }
    }
}

/// A node with its id. Everything hangs at the root.
fn node(cells: &mut Cells<'_>) -> Result<(i32, Node), SqlError> {
    let (id, guid, _parent) = (cells.int()?, cells.guid()?, cells.int()?);
    let is_category = cells.int()? == 1;
    let name = cells.text()?;
    let node = Node {
        guid,
        name,
        is_category,
    };
    Ok((id, node))
}

fn chat(cells: &mut Cells<'_>) -> Result<Chat, SqlError> {
    let (ticks, user) = (cells.big()?, cells.int()?);
    let is_alert = cells.int()? == 1;
    let content = cells.text()?;
    Ok(Chat {
        is_alert,
        rtf: cells.text_or_null()?,
        ..Chat::new(user, ticks, &content)
    })
}
