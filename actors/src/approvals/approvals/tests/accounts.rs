//! What approvals do to accounts that begin anew each month, that gather points, or that are suspended.

use kippu_events::access::users::Account;
use kippu_events::approvals::RequestRefusal;

use super::*;

/// A user who is charged at settlement, of whom `change` makes something else.
fn user(change: impl FnOnce(&mut users::Event)) -> users::Event {
    let mut event = registered(Charging::AtSettlement);
    change(&mut event);
    event
}

/// A user whose charges add up by the month, as of January.
fn monthly(charging: Charging) -> Vec<users::Event> {
    let event = user(|event| {
        if let users::Event::Registered { period, charging: at, .. } = event {
            (*period, *at) = (Period::Month, charging);
        }
    });
    vec![event, begun(0, NOW.next_month())]
}

fn begun(charged_before: u64, next: Time) -> users::Event {
    users::Event::PeriodBegun { charged_before: minor(charged_before), next }
}

/// Another approval has spent so much.
fn spent(units: u64) -> [users::Event; 2] {
    let (approval, amount) = (id(9), minor(units));
    [
        users::Event::AmountReserved { approval, amount },
        users::Event::AmountCharged { approval, reserved: amount, amount },
    ]
}

fn of_earlier_period(units: u64) -> users::Event {
    users::Event::AmountRefunded { approval: approval_id(), amount: minor(units), of_earlier_period: true }
}

fn asking(history: &[users::Event]) -> Given<Approval> {
    given::<Approval>(&[]).with::<User>(user_id(), history).by(terminal())
}

/// Shows D16.
#[test]
fn the_limit_is_there_anew_from_the_first_moment_of_the_month_even_before_the_deadline() {
    let history: Vec<_> = monthly(Charging::AtSettlement).into_iter().chain(spent(9_000)).collect();
    let february = NOW.next_month();
    let before = Time::from_micros(february.micros() - 1);
    let mut too_much = asked(1_001);
    let refused = Event::Refused {
        user: user_id(),
        amount: minor(1_001),
        currency: currency("EUR"),
        purchase: too_much.purchase.clone(),
        offer: None,
        reason: RequestRefusal::LimitExceeded,
        inquiry: None,
    };
    asking(&history).at(before).when(&open(too_much.clone())).becomes(&[refused]);
    too_much.amount = minor(10_000);
    let mut issued = issued(10_000);
    if let Event::Issued { expires_at, .. } = &mut issued {
        *expires_at = february.after(QUARTER);
    }
    asking(&history).at(february).when(&open(too_much)).becomes_with::<User>(
        &[issued],
        user_id(),
        &[begun(9_000, february.next_month()), reserved(10_000)],
    );
}

/// Shows D16, D18.
#[test]
fn what_is_given_back_of_an_earlier_month_makes_no_room_in_this_one() {
    let february = NOW.next_month();
    let next = february.next_month();
    let new_month = begun(4_000, next);
    let paid = [issued(5_000), redeemed(5_000), settled(4_000)];
    let user = |charging, events: &[users::Event]| -> Vec<users::Event> {
        monthly(charging).into_iter().chain(events.iter().cloned()).collect()
    };
    let refund = Command::Refund { amount: minor(1_000), currency: currency("EUR") };
    let back = Event::Refunded { amount: minor(1_000), currency: currency("EUR"), total: minor(1_000) };
    // Charged at settlement in January, given back in February: by the decision that begins the period, too.
    let charged_then = user(Charging::AtSettlement, &[reserved(5_000), charged(5_000, 4_000)]);
    given::<Approval>(&paid)
        .with::<User>(user_id(), &charged_then)
        .by(settler())
        .at(february)
        .when(&refund)
        .becomes_with::<User>(std::slice::from_ref(&back), user_id(), &[new_month, of_earlier_period(1_000)]);
    given::<Approval>(&paid).with::<User>(user_id(), &charged_then).by(settler()).when(&refund).becomes_with::<User>(
        &[back],
        user_id(),
        &[refunded(1_000)],
    );
    // Charged at permission in January, settled for less in February.
    let charged_then = user(Charging::AtPermission, &[reserved(5_000), charged(5_000, 5_000)]);
    given::<Approval>(&paid[..2])
        .with::<User>(user_id(), &charged_then)
        .by(settler())
        .at(february)
        .when(&settle(4_000))
        .becomes_with::<User>(&[settled(4_000)], user_id(), &[begun(5_000, next), of_earlier_period(1_000)]);
    given::<Approval>(&paid[..2])
        .with::<User>(user_id(), &charged_then)
        .at(february)
        .when(&Command::Revoke)
        .becomes_with::<User>(&[Event::Revoked {}], user_id(), &[begun(5_000, next), of_earlier_period(5_000)]);
}

/// A user whose limit is the points gathered: 2.5 percent of what is settled.
fn gathering(limit: u64) -> users::Event {
    user(|event| {
        if let users::Event::Registered { source, points_rate_bp, limit: amount, .. } = event {
            (*source, *points_rate_bp, *amount) = (LimitSource::Points, 250, minor(limit));
        }
    })
}

fn gathered(units: u64, limit: u64) -> users::Event {
    let (amount, limit, currency) = (minor(units), minor(limit), currency("EUR"));
    users::Event::Credited { amount, limit, currency, approval: Some(approval_id()) }
}

fn taken_back(units: u64, limit: u64) -> users::Event {
    let (amount, limit, currency) = (minor(units), minor(limit), currency("EUR"));
    users::Event::PointsTakenBack { approval: approval_id(), amount, limit, currency }
}

/// Shows D17.
#[test]
fn a_settlement_generates_points_which_a_refund_takes_back_as_far_as_they_are_not_used() {
    let history = [issued(5_000), redeemed(5_000)];
    let before = [gathering(10_000), reserved(5_000)];
    given::<Approval>(&history)
        .with::<User>(user_id(), &before)
        .by(settler())
        .when(&settle(4_030))
        .becomes_with::<User>(&[settled(4_030)], user_id(), &[charged(5_000, 4_030), gathered(100, 10_100)]);
    let paid = [&history[..], &[settled(4_030)]].concat();
    let account = |further: &[users::Event]| -> Vec<users::Event> {
        let settled = [gathering(10_000), reserved(5_000), charged(5_000, 4_030), gathered(100, 10_100)];
        settled.into_iter().chain(further.iter().cloned()).collect()
    };
    let refund = |units| Command::Refund { amount: minor(units), currency: currency("EUR") };
    let back = |units| Event::Refunded { amount: minor(units), currency: currency("EUR"), total: minor(units) };
    // Of 4,030 there are 100 points, and of the 2,000 that are left 50.
    given::<Approval>(&paid)
        .with::<User>(user_id(), &account(&[]))
        .by(settler())
        .when(&refund(2_030))
        .becomes_with::<User>(&[back(2_030)], user_id(), &[refunded(2_030), taken_back(50, 10_050)]);
    // Of the 4,020 that are left there are as many.
    given::<Approval>(&paid)
        .with::<User>(user_id(), &account(&[]))
        .by(settler())
        .when(&refund(10))
        .becomes_with::<User>(&[back(10)], user_id(), &[refunded(10)]);
}

/// Shows D17.
#[test]
fn points_that_are_used_are_not_taken_back() {
    let monthly = user(|event| {
        if let users::Event::Registered { source, points_rate_bp, period, .. } = event {
            (*source, *points_rate_bp, *period) = (LimitSource::Points, 250, Period::Month);
        }
    });
    let february = NOW.next_month();
    let held = users::Event::AmountReserved { approval: id(9), amount: minor(10_070) };
    let account = [monthly, begun(0, february), reserved(5_000), charged(5_000, 4_030), gathered(100, 10_100), held];
    let paid = [issued(5_000), redeemed(5_000), settled(4_030)];
    let refund = Command::Refund { amount: minor(4_030), currency: currency("EUR") };
    let back = Event::Refunded { amount: minor(4_030), currency: currency("EUR"), total: minor(4_030) };
    // What comes back of January makes no room in February, in which another purchase holds all but 30 of the limit.
    given::<Approval>(&paid)
        .with::<User>(user_id(), &account)
        .by(settler())
        .at(february)
        .when(&refund)
        .becomes_with::<User>(
            &[back],
            user_id(),
            &[begun(4_030, february.next_month()), of_earlier_period(4_030), taken_back(30, 10_070)],
        );
}

#[test]
fn points_beyond_what_an_amount_can_be_are_not_gathered() {
    let most = kippu_events::money::Minor::MOST;
    let before = [gathering(most - 7), reserved(5_000)];
    let history = [issued(5_000), redeemed(5_000)];
    given::<Approval>(&history)
        .with::<User>(user_id(), &before)
        .by(settler())
        .when(&settle(4_000))
        .becomes_with::<User>(&[settled(4_000)], user_id(), &[charged(5_000, 4_000), gathered(7, most)]);
}

/// Shows D25.
#[test]
fn a_suspended_subscriber_is_approved_nothing_and_what_was_permitted_before_is_settled() {
    let suspended = [registered(Charging::AtSettlement), users::Event::Suspended {}];
    let refused = Event::Refused {
        user: user_id(),
        amount: minor(100),
        currency: currency("EUR"),
        purchase: asked(100).purchase,
        offer: None,
        reason: RequestRefusal::UserSuspended,
        inquiry: None,
    };
    asking(&suspended).when(&open(asked(100))).becomes(&[refused]);
    // A wrong PIN is a wrong PIN.
    let wrong = Asked { pin: Some(pin("4321")), ..asked(100) };
    let mut not_identified = Event::Refused {
        user: user_id(),
        amount: minor(100),
        currency: currency("EUR"),
        purchase: asked(100).purchase,
        offer: None,
        reason: RequestRefusal::NotIdentified,
        inquiry: None,
    };
    asking(&suspended).when(&open(wrong)).becomes_with::<User>(
        std::slice::from_mut(&mut not_identified),
        user_id(),
        &[users::Event::PinRefused { locked_until: None }],
    );
    let held = [registered(Charging::AtSettlement), reserved(5_000), users::Event::Suspended {}];
    given::<Approval>(&[issued(5_000), redeemed(5_000)])
        .with::<User>(user_id(), &held)
        .by(settler())
        .when(&settle(4_000))
        .becomes_with::<User>(&[settled(4_000)], user_id(), &[charged(5_000, 4_000)]);
}

#[test]
fn an_account_says_what_a_decision_made_of_it() {
    let mut state = User::default();
    for event in [gathering(10_000), reserved(5_000), charged(5_000, 4_030), gathered(100, 10_100)] {
        kippu_events::Entity::evolve(&mut state, &event, NOW);
    }
    let Account { limit, reserved, charged, .. } = state.account().cloned().unwrap();
    assert_eq!((limit, reserved, charged), (minor(10_100), minor(0), minor(4_030)));
}
