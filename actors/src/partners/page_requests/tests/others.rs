//! What requests of others come to, and those to pages that are the site's own.

use super::*;

#[test]
fn nobody_else_answers_reports_or_settles() {
    let mut sites = with_stock_at_main();
    let request = sites.visitor_asks("buy", 1);
    let shop = Caller::of_peer(id(8), Roles::one(Role::Shop));
    let price = json!({ "step": "price", "amount": 1, "currency": "EUR" });
    let answer = (Family::PageRequests, "answer", Some(request));
    assert_eq!(slug(sites.partner.world.ask(shop, answer, &price)), "forbidden");
    sites.partner.world.ask(caller(Role::Shop, 4), answer, &price).unwrap();
    let there = sites.up(request).unwrap();
    let report = json!({ "taken": [{ "step": "stock", "found": {} }] });
    for (role, name, body, site, its) in [
        (Role::MainSite, "report", &report, &mut sites.partner, request),
        (Role::PartnerSite, "settle", &json!({ "sold": true }), &mut sites.main, there),
    ] {
        let stranger = Caller::of_peer(id(8), Roles::one(role));
        assert_eq!(slug(site.world.ask(stranger, (Family::PageRequests, name, Some(its)), body)), "forbidden");
    }
    let main = Caller::of_peer(sites.main.party, Roles::one(Role::MainSite));
    let wrong = json!({ "taken": [{ "step": "payment", "found": {} }] });
    let ask = (Family::PageRequests, "report", Some(request));
    assert_eq!(slug(sites.partner.world.ask(main, ask, &wrong)), "page-request-not-open");
    sites.partner.world.ask(main, ask, &report).unwrap();
    // Word that it was told comes after what came of it.
    assert_eq!(slug(sites.partner.world.ask(main, ask, &report)), "page-request-not-open");
    assert_eq!(sites.main.ask(Family::PageRequests, "release", Some(there), &json!({})).err(), None);
    assert_eq!(sites.main.stock(), (3, 0, 0));
    sites.main.world.after(Duration::from_hours(1).as_secs());
    sites.replay();
}

#[test]
fn an_original_is_the_sites_own_whatever_the_terms_say() {
    let mut sites = Sites::on(&json!({ "rules": [{ "mode": "main" }] }));
    sites.partner.world.blobs.push((BlobId([8; 32]), 5));
    let body = json!({ "path": "own.html", "sha256": BlobId([8; 32]), "media_type": "text/html" });
    let page = id_in(&sites.partner.ask(Family::Pages, "open", None, &body).unwrap());
    let open = |contract: Option<EntityId>| json!({ "page": page, "contract": contract, "kind": "timetable", "article": "tokyo" });
    assert_eq!(
        sites.partner.ask(Family::PageRequests, "open", None, &open(Some(sites.contract))),
        Err("invalid-body"),
        "it came by no contract"
    );
    let request = id_in(&sites.partner.ask(Family::PageRequests, "open", None, &open(None)).unwrap());
    assert_eq!(sites.partner.owes(request), None);
    let text = json!({ "step": "answer", "text": "06:00 Nozomi" });
    sites.partner.ask(Family::PageRequests, "answer", Some(request), &text).unwrap();
    assert!(sites.partner.known(request).is_complete());
    assert_eq!(sites.partner.world.state::<Collection>(id(1)), Collection::Absent);
}
