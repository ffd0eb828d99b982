use super::{
    SqlError,
    expression::{Expression, Item, Join, Select, Source},
    token::Token,
};

/// Words that end an expression, so that none of them is an alias.
const RESERVED: [&str; 10] = [
    "FROM", "WHERE", "GROUP", "ORDER", "LEFT", "INNER", "JOIN", "ON", "ASC", "DESC",
];

/// Reads a SELECT to the end of the statement.
pub(super) fn select(tokens: &[Token]) -> Result<Select, SqlError> {
    let mut parser = Parser(tokens);
    let select = parser.select()?;
    parser.takes(";");
    match parser.0.first() {
        None => Ok(select),
        Some(_) => Err(parser.unknown()),
    }
}

/// Reads what is left of a statement.
pub(super) struct Parser<'a>(pub(super) &'a [Token]);

impl Parser<'_> {
    fn select(&mut self) -> Result<Select, SqlError> {
        self.word("SELECT")?;
        let mut top = None;
        let mut has_ties = false;
        if self.has("TOP") {
            top = Some(self.primary()?);
            has_ties = self.has("WITH");
            if has_ties {
                self.word("TIES")?;
            }
        }
        let items = self.list(Self::item)?;
        let mut sources = Vec::new();
        if self.has("FROM") {
            sources.push(self.source(Join::Inner)?);
            while let Some(join) = self.join()? {
                sources.push(self.source(join)?);
            }
        }
        let mut filter = None;
        if self.has("WHERE") {
            filter = Some(self.expression()?);
        }
        let mut groups = Vec::new();
        if self.has("GROUP") {
            self.word("BY")?;
            groups = self.list(Self::expression)?;
        }
        let mut order = Vec::new();
        if self.has("ORDER") {
            self.word("BY")?;
            order = self.list(Self::sort_key)?;
        }
        Ok(Select {
            top,
            has_ties,
            items,
            sources,
            filter,
            groups,
            order,
        })
    }

    fn item(&mut self) -> Result<Item, SqlError> {
        let expression = self.expression()?;
        let columns = expression.columns();
        let name = match columns.as_slice() {
            [column] => column.name.clone(),
            _ => String::new(),
        };
        let name = self.alias()?.unwrap_or(name);
        Ok(Item { expression, name })
    }

    fn sort_key(&mut self) -> Result<(Expression, bool), SqlError> {
        let key = self.expression()?;
        let is_descending = self.has("DESC");
        if !is_descending {
            self.has("ASC");
        }
        Ok((key, is_descending))
    }

    /// The next join, without its table.
    fn join(&mut self) -> Result<Option<Join>, SqlError> {
        let join = if self.has("LEFT") {
            self.has("OUTER");
            Join::Left
        } else if self.has("INNER") || self.is("JOIN") {
            Join::Inner
        } else {
            return Ok(None);
        };
        self.word("JOIN")?;
        Ok(Some(join))
    }

    fn source(&mut self, join: Join) -> Result<Source, SqlError> {
        let mut table = self.name()?;
        let mut schema = String::new();
        while self.takes(".") {
            schema = std::mem::replace(&mut table, self.name()?);
        }
        // Views of the system keep the schema that says so.
        if !schema.is_empty() && !schema.eq_ignore_ascii_case("dbo") {
            table = format!("{schema}.{table}");
        }
        let alias = self.alias()?.unwrap_or_else(|| table.clone());
        let mut on = None;
        if self.has("ON") {
            on = Some(self.expression()?);
        }
        Ok(Source {
            table,
            alias,
            join,
            on,
        })
    }

    fn alias(&mut self) -> Result<Option<String>, SqlError> {
        if self.has("AS") {
            return self.name().map(Some);
        }
        match self.0.first() {
            Some(Token::Word(word)) if !is_reserved(word) => self.name().map(Some),
            Some(Token::Name(_)) => self.name().map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn list<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut list = vec![one(self)?];
        while self.takes(",") {
            list.push(one(self)?);
        }
        Ok(list)
    }

    pub(super) fn name(&mut self) -> Result<String, SqlError> {
        match self.0.split_first() {
            Some((Token::Word(name) | Token::Name(name), rest)) => {
                self.0 = rest;
                Ok(name.clone())
            }
            _ => Err(self.unknown()),
        }
    }

    fn is(&self, word: &str) -> bool {
        self.0.first().is_some_and(|token| token.is_word(word))
    }

    /// Takes a word, where it is the next one.
    pub(super) fn has(&mut self, word: &str) -> bool {
        let has = self.is(word);
        if has {
            self.0 = &self.0[1..];
        }
        has
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.has(word) {
            Ok(())
        } else {
            Err(self.unknown())
        }
    }

    /// Takes a symbol, where it is the next one.
    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        let takes = matches!(self.0.first(), Some(Token::Symbol(found)) if *found == symbol);
        if takes {
            self.0 = &self.0[1..];
        }
        takes
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.takes(symbol) {
            Ok(())
        } else {
            Err(self.unknown())
        }
    }

    pub(super) fn unknown(&self) -> SqlError {
        let next = &self.0[..self.0.len().min(5)];
        SqlError::Unknown(format!("{next:?}"))
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(word))
}
