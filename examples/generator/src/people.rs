//! Who takes part: invented people, and where what they said belongs.

use crate::dialogues::Language;

/// Our domain.
pub(crate) const DOMAIN: &str = "contoso.com";

/// Where a participant's copies go, by how the person was made up; nothing is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into this mailbox.
    Mailbox(String),
    /// Nowhere yet: ours, but neither directory nor mapping know the address.
    Held,
    /// Nowhere: not ours.
    External,
}

/// Somebody.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Name to show.
    pub(crate) name: String,
    /// Address in the exports.
    pub(crate) address: String,
    /// E-mail address that Persistent Chat has for the person; may be empty.
    pub(crate) email: String,
    /// What the person speaks beside English.
    pub(crate) language: Language,
    /// Where the copies go.
    pub(crate) place: Place,
    /// The person's row in the directory.
    pub(crate) row: Option<[String; 5]>,
    /// True for those whom the custom mapping names.
    pub(crate) is_custom: bool,
}

impl Person {
    /// Somebody of another organisation.
    fn partner(name: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            email: String::new(),
            language: Language::English,
            place: Place::External,
            row: None,
            is_custom: false,
        }
    }

    fn mapped_to(mut self, mailbox: &str) -> Self {
        self.place = Place::Mailbox(format!("{mailbox}@{DOMAIN}"));
        self.is_custom = true;
        self
    }
}

/// Everybody.
pub(crate) struct Cast {
    /// Our people.
    pub(crate) users: Vec<Person>,
    /// Federated partners.
    pub(crate) partners: Vec<Person>,
    /// An application, left out by a rule.
    pub(crate) bot: Person,
}

impl Cast {
    /// People of every sort: renamed ones, leavers, shared mailboxes, an application.
    pub(crate) fn varied(users: u32) -> Self {
        let partners = vec![
            Person::partner("Dana Cole", "dana.cole@fabrikam.com"),
            Person::partner("Erik Lund", "erik.lund@northwindtraders.com"),
            Person::partner("Alliance Desk", "alliances@fabrikam.com").mapped_to("alliances"),
        ];
        Self {
            users: (0..users).map(|number| varied(number as usize)).collect(),
            partners,
            bot: Person::partner("Helpdesk Bot", "helpdesk@apps.contoso.com"),
        }
    }

    /// Our people all have a mailbox of their own; partners never have one.
    pub(crate) fn plain(users: u32) -> Self {
        let partner = |number| {
            let address = format!("partner{number:02}@fabrikam.com");
            Person::partner(&format!("Partner {number}"), &address)
        };
        Self {
            users: (0..users).map(|number| plain(number as usize)).collect(),
            partners: (1..=40).map(partner).collect(),
            bot: Person::partner("Helpdesk Bot", "helpdesk@apps.contoso.com"),
        }
    }

    /// Everybody whom the custom mapping names.
    pub(crate) fn custom(&self) -> impl Iterator<Item = &Person> {
        let everybody = self.users.iter().chain(&self.partners);
        everybody.filter(|person| person.is_custom)
    }
}

/// People repeat every twelve: each twelve have one of every sort.
fn varied(number: usize) -> Person {
    let mut person = plain(number);
    let (first, last) = names(number);
    let initial = first.chars().next().unwrap_or('x');
    let suffix = if number < 12 {
        String::new()
    } else {
        number.to_string()
    };
    let short = format!("{initial}{last}{suffix}@{DOMAIN}");
    let long = person.address.clone();
    match number % 12 {
        // The SIP address is not the mail address.
        1 => {
            person.row = Some(row(
                &person.name,
                &long,
                &long,
                &format!("SMTP:{long}"),
                &format!("sip:{short}"),
            ));
            person.address = short;
        }
        // Renamed: what was archived before has the former address.
        3 => {
            let proxies = format!("SMTP:{long};smtp:{short};sip:{short};sip:{long}");
            person.row = Some(row(
                &person.name,
                &long,
                &long,
                &proxies,
                &format!("sip:{long}"),
            ));
            person.address = short;
        }
        // Only proxies tell the mail address, and the user principal name is none.
        5 => {
            let proxies = format!("X500:/o=Contoso/cn={last};SMTP:{long};sip:{long}");
            let name = format!("{first}.{last}{suffix}@contoso.onmicrosoft.com");
            person.row = Some(row(&person.name, &name, "", &proxies, ""));
        }
        // Nothing but the user principal name.
        7 => {
            person.row = Some(row(&person.name, &long, "", "", ""));
            person.email = String::new();
        }
        // The custom mapping wins over the directory.
        8 => person = person.mapped_to(&format!("legal.hold{suffix}")),
        10 => person = person.mapped_to(&format!("support{suffix}")),
        // Left the company.
        9 => {
            person.row = None;
            person.place = Place::Held;
            person.email = String::new();
        }
        // A function account that shares a mailbox with somebody.
        11 => {
            format!("Service Desk {suffix}")
                .trim_end()
                .clone_into(&mut person.name);
            person.address = format!("servicedesk{suffix}@{DOMAIN}");
            person.email = String::new();
            person.row = None;
            let shared = if number < 12 {
                suffix
            } else {
                (number - 1).to_string()
            };
            person = person.mapped_to(&format!("support{shared}"));
        }
        _ => {}
    }
    person
}

/// Somebody whose addresses are all the same.
fn plain(number: usize) -> Person {
    let (first, last) = names(number);
    let block = number / NAMES.len();
    let suffix = match block / NAMES.len() {
        0 => String::new(),
        repeat => repeat.to_string(),
    };
    let address = format!("{first}.{last}{suffix}@{DOMAIN}");
    let shown_first = NAMES[number % NAMES.len()].0;
    let shown_last = NAMES[(number + block) % NAMES.len()].1;
    let name = format!("{shown_first} {shown_last}");
    let proxies = format!("SMTP:{address};sip:{address}");
    Person {
        row: Some(row(
            &name,
            &address,
            &address,
            &proxies,
            &format!("sip:{address}"),
        )),
        place: Place::Mailbox(address.clone()),
        email: address.clone(),
        language: NAMES[number % NAMES.len()].4,
        is_custom: false,
        name,
        address,
    }
}

fn row(name: &str, principal: &str, mail: &str, proxies: &str, sip: &str) -> [String; 5] {
    [principal, name, mail, proxies, sip].map(str::to_owned)
}

/// First and last name in the letters of an address.
fn names(number: usize) -> (&'static str, &'static str) {
    let block = number / NAMES.len();
    let first = NAMES[number % NAMES.len()].2;
    let last = NAMES[(number + block) % NAMES.len()].3;
    (first, last)
}

/// Neighbours (2n and 2n + 1) mostly share a language.
const NAMES: [(&str, &str, &str, &str, Language); 24] = [
    ("Alice", "Morgan", "alice", "morgan", Language::English),
    ("Tom", "Whitaker", "tom", "whitaker", Language::English),
    ("Jürgen", "Hofmann", "juergen", "hofmann", Language::German),
    ("Katrin", "Weiß", "katrin", "weiss", Language::German),
    ("Élodie", "Marchand", "elodie", "marchand", Language::French),
    ("Hugo", "Lefèvre", "hugo", "lefevre", Language::French),
    ("Omar", "Haddad", "omar", "haddad", Language::Arabic),
    ("Layla", "Mansour", "layla", "mansour", Language::Arabic),
    ("Zofia", "Wójcik", "zofia", "wojcik", Language::Polish),
    ("Paweł", "Nowak", "pawel", "nowak", Language::Polish),
    ("Misaki", "Sato", "misaki", "sato", Language::Japanese),
    ("Grace", "Okafor", "grace", "okafor", Language::English),
    ("Noa", "Levi", "noa", "levi", Language::Hebrew),
    ("Eitan", "Barak", "eitan", "barak", Language::Hebrew),
    ("Lucía", "Ortega", "lucia", "ortega", Language::Spanish),
    ("Mateo", "Vidal", "mateo", "vidal", Language::Spanish),
    ("Irina", "Sokolova", "irina", "sokolova", Language::Russian),
    ("Dmitri", "Orlov", "dmitri", "orlov", Language::Russian),
    ("Kenji", "Tanaka", "kenji", "tanaka", Language::Japanese),
    ("Yui", "Mori", "yui", "mori", Language::Japanese),
    ("Mia", "Fischer", "mia", "fischer", Language::German),
    ("Lukas", "Brandt", "lukas", "brandt", Language::German),
    ("Priya", "Nair", "priya", "nair", Language::English),
    ("Daniel", "Reed", "daniel", "reed", Language::English),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_people_share_an_address() {
        let cast = Cast::varied(2_000);

        let addresses: HashSet<_> = cast.users.iter().map(|person| &person.address).collect();
        assert_eq!(addresses.len(), 2_000);
    }
}
