use axum::{
    extract::Request,
    middleware::{self, Next},
};
use serde_json::json;
use utoipa::openapi::{
    Content, Ref, RefOr, ResponseBuilder,
    extensions::ExtensionsBuilder,
    path::{Operation, ParameterBuilder, ParameterIn, PathItem},
    schema::{ObjectBuilder, Type},
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{
    Api,
    idempotency::{self, Answers, KEY, LONGEST},
    problem::MEDIA_TYPE,
};
use crate::sign_in::{Right, guard::needs};

/// Endpoints of one path, with what describes them.
type Endpoints = UtoipaMethodRouter<Api>;

/// Lets in who has a right, and says so in the description.
pub(super) fn takes(right: Right, (schemas, mut paths, router): Endpoints) -> Endpoints {
    for operation in operations(&mut paths.paths) {
        let extension = ExtensionsBuilder::new().add("x-right", json!(right.name()));
        operation
            .extensions
            .get_or_insert_default()
            .merge(extension.build());
        let roles = format!("Takes the right to {}: {}.", right.name(), right.roles());
        let description = operation.description.get_or_insert_default();
        format!("{description}\n\n{roles}")
            .trim()
            .clone_into(description);
        for (status, text) in [
            ("401", "Nobody has signed in"),
            (
                "403",
                "The role is missing, or nothing shows that a page of ours asked",
            ),
            ("default", "It was not done"),
        ] {
            let problem = ResponseBuilder::new().description(text);
            let responses = &mut operation.responses.responses;
            responses.insert(status.to_owned(), RefOr::T(problem.build()));
        }
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && !status.starts_with('2')
            {
                let schema = Content::new(Some(Ref::from_schema_name("Problem")));
                response.content = [(MEDIA_TYPE.to_owned(), RefOr::T(schema))].into();
            }
        }
    }
    (schemas, paths, needs(right, router))
}

/// Answers a repeat with the first answer.
pub(super) fn once(answers: &Answers, (schemas, mut paths, router): Endpoints) -> Endpoints {
    for operation in operations(&mut paths.paths) {
        let key = ParameterBuilder::new()
            .name(KEY)
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "A repeat of the request with the same key is answered with the first answer, for a day",
            ))
            .schema(Some(
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(LONGEST)),
            ));
        operation
            .parameters
            .get_or_insert_default()
            .push(RefOr::T(key.build()));
    }
    let answers = answers.clone();
    // What the address does not take is refused as such, whatever its key.
    let router = router.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        idempotency::answer(answers.clone(), request, next)
    }));
    (schemas, paths, router)
}

fn operations(
    paths: &mut std::collections::BTreeMap<String, PathItem>,
) -> impl Iterator<Item = &mut Operation> {
    paths.values_mut().flat_map(|item| {
        [
            item.get.as_mut(),
            item.post.as_mut(),
            item.put.as_mut(),
            item.delete.as_mut(),
        ]
        .into_iter()
        .flatten()
    })
}
