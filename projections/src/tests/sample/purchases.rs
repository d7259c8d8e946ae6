//! The approvals of the sample, from their request to their end.

use super::*;

impl SampleHistory {
    pub(crate) fn issue(&mut self, user: EntityId, amount: u64) -> Beat {
        let id = self.fresh_id().in_slot(user.slot());
        self.approvals.push((id, user, State::Issued));
        let events = vec![
            self.event::<User>(user, users::Event::AmountReserved { approval: id, amount: minor(amount) }),
            self.event::<Approval>(id, self.issued(user, amount, None)),
        ];
        self.beat(id, events)
    }

    pub(super) fn issued(&self, user: EntityId, amount: u64, inquiry: Option<Inquiry>) -> approvals::Event {
        approvals::Event::Issued {
            user,
            terminal: self.terminals.first().copied().unwrap_or(user),
            amount: minor(amount),
            currency: euro(),
            purchase: Purchase { description: Some("film".to_owned()), quantity: Some(1) },
            offer: self.offer(),
            channel: Channel::Request,
            expires_at: Time::from_micros(self.clock + 10 * STEP_MICROS),
            token: token(),
            limit: minor(100_000),
            used: Minor::ZERO,
            inquiry,
        }
    }

    /// An offer that the first settler may settle, where there is one.
    pub(super) fn offer(&self) -> Option<Box<Offered>> {
        let settlers = vec![*self.settlers.first()?];
        let [shop, buyer, id, product] = [21, 22, 23, 24].map(|n| EntityId::from_hash(&[n; 32]));
        let (name, kind) = ("film".to_owned(), "video".to_owned());
        Some(Box::new(Offered {
            shop,
            shop_version: 1,
            buyer,
            id,
            sha256: "0".repeat(64),
            expires_at: Time::from_micros(BEGIN),
            settlers,
            items: vec![OfferItem { product, name, kind, quantity: 1, price: minor(10) }],
        }))
    }

    /// A financial reference is asked about a user.
    pub(crate) fn ask(&mut self, user: EntityId, amount: u64) -> Beat {
        let id = self.fresh_id().in_slot(user.slot());
        self.approvals.push((id, user, State::Pending));
        let pending = approvals::Event::Pending {
            user,
            terminal: self.terminals.first().copied().unwrap_or(user),
            amount: minor(amount),
            currency: euro(),
            purchase: Purchase::default(),
            offer: None,
            channel: Channel::Collect,
            expires_in_secs: 900,
            token: token(),
            reserved: minor(amount),
            limit: minor(100_000),
            used: Minor::ZERO,
            reference: EntityId::from_hash(&[20; 32]),
            number: EncryptedField { xchacha20poly1305: "encrypted-number".to_owned() },
            until: Time::from_micros(self.clock + STEP_MICROS),
        };
        let events = vec![
            self.event::<User>(user, users::Event::AmountReserved { approval: id, amount: minor(amount) }),
            self.event::<Approval>(id, pending),
        ];
        self.beat(id, events)
    }

    /// The reference has answered: yes or no.
    pub(super) fn told(&mut self, which: usize) -> Beat {
        let (id, user, _) = self.approvals[which];
        let party = EntityId::from_hash(&[20; 32]);
        let inquiry = |told| Some(Inquiry { party, told, limit: None });
        if self.rng.random() {
            self.approvals[which].2 = State::Issued;
            let event = self.event::<Approval>(id, self.issued(user, 10, inquiry(Told::Good)));
            return self.beat(id, vec![event]);
        }
        self.approvals[which].2 = State::Over;
        let refused = approvals::Event::Refused {
            user,
            amount: minor(10),
            currency: euro(),
            purchase: Purchase::default(),
            offer: None,
            reason: RequestRefusal::CreditRefused,
            inquiry: inquiry(Told::Bad),
        };
        let events = vec![
            self.event::<User>(user, users::Event::AmountReleased { approval: id, amount: minor(10) }),
            self.event::<Approval>(id, refused),
        ];
        self.beat(id, events)
    }

    /// Its user collects the token.
    pub(super) fn collect(&mut self, which: usize) -> Beat {
        let (id, user, _) = self.approvals[which];
        let (by, amount, expires_at) = (Principal::User(user), minor(10), Time::from_micros(self.clock));
        let collected = approvals::Event::Collected { by, key: 1, amount, currency: euro(), expires_at, offer: None };
        let event = self.event::<Approval>(id, collected);
        self.beat(id, vec![event])
    }

    /// A part of what was settled is given back, once.
    pub(super) fn give_back(&mut self, which: usize) -> Beat {
        let (id, user, _) = self.approvals[which];
        self.approvals[which].2 = State::Over;
        let (amount, currency) = (minor(3), euro());
        let back = users::Event::AmountRefunded { approval: id, amount, of_earlier_period: false };
        let events = vec![
            self.event::<User>(user, back),
            self.event::<Approval>(id, approvals::Event::Refunded { amount, currency, total: amount }),
        ];
        self.beat(id, events)
    }

    pub(super) fn refuse(&mut self, user: EntityId) -> Beat {
        let id = self.fresh_id().in_slot(user.slot());
        self.approvals.push((id, user, State::Over));
        let refused = approvals::Event::Refused {
            user,
            amount: minor(200_000),
            currency: euro(),
            purchase: Purchase::default(),
            offer: None,
            reason: RequestRefusal::LimitExceeded,
            inquiry: None,
        };
        let event = self.event::<Approval>(id, refused);
        self.beat(id, vec![event])
    }

    pub(crate) fn redeem(&mut self, which: usize, settler: EntityId) -> Beat {
        let (id, _, state) = self.approvals[which];
        let event = if state == State::Issued {
            self.approvals[which].2 = State::Redeemed(settler);
            approvals::Event::Redeemed { settler, amount: minor(10), currency: euro(), offer: self.offer() }
        } else {
            {
                let (reason, named) = (RedeemRefusal::AlreadyRedeemed, Named::default());
                approvals::Event::RedeemRefused { settler, reason, named }
            }
        };
        let event = self.event::<Approval>(id, event);
        self.beat(id, vec![event])
    }

    pub(crate) fn finish(&mut self, which: usize) -> Beat {
        let (id, user, state) = self.approvals[which];
        let amount = minor(10);
        let (user_event, event) = match state {
            State::Redeemed(settler) => (
                users::Event::AmountCharged { approval: id, reserved: amount, amount },
                approvals::Event::Settled { settler, amount, currency: euro(), settled_at: None, contents: Vec::new() },
            ),
            State::Issued | State::Over | State::Pending | State::Settled(_) => {
                let over = match self.rng.random_range(0..3) {
                    0 => approvals::Event::Expired {},
                    1 => approvals::Event::Revoked {},
                    _ => approvals::Event::Released { settler: self.settlers.first().copied().unwrap_or(user) },
                };
                (users::Event::AmountReleased { approval: id, amount }, over)
            }
        };
        self.approvals[which].2 = match state {
            State::Redeemed(settler) => State::Settled(settler),
            State::Issued | State::Over | State::Pending | State::Settled(_) => State::Over,
        };
        let events = vec![self.event::<User>(user, user_event), self.event::<Approval>(id, event)];
        self.beat(id, events)
    }
}
