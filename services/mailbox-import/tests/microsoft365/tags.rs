//! Retention tags of their own for what is imported.

use crate::{
    company::companies,
    support::{ANN, messages, store},
};

pub(crate) const TAG: &str = "tag = { id = \"00112233-4455-6677-8899-aabbccddeeff\", days = 3650 }";
/// The GUID as Exchange stores it, in Base64.
const STORED: &str = "MyIRAFVEd2aImaq7zN3u/w==";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_has_the_retention_tag_that_the_target_names() {
    for company in companies() {
        store(&mut *company.lab_with(TAG).open(ANN).await, &messages(2)).await;

        let stored = company.stored(ANN);
        assert_eq!(stored.len(), 2, "{}", company.name());
        for stored in stored {
            let tag = Some((STORED.to_owned(), "3650".to_owned()));
            assert_eq!(stored.tag, tag, "{}", company.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_has_the_tag_of_its_folder_where_none_is_named() {
    for company in companies() {
        store(&mut *company.lab().open(ANN).await, &messages(1)).await;

        assert_eq!(company.stored(ANN)[0].tag, None, "{}", company.name());
    }
}
