"""The columns that others call consent, by the names and values that known products export."""

from __future__ import annotations

from typing import Any

import pytest

from target_pinterest_audiences.input.consent import consent_columns, shown_consent, unclear_consent

REFUSED: list[tuple[str, Any]] = [
    # Shopify
    ("accepts_marketing", None),
    ("buyer_accepts_marketing", "false"),
    ("email_marketing_consent.state", "not_subscribed"),
    ("email_marketing_consent", '{"state": "not_subscribed"}'),
    ("sms_marketing_consent__state", "unsubscribed"),
    # Klaviyo
    ("Email Marketing Consent", "NEVER_SUBSCRIBED"),
    ("subscriptions.email.marketing.can_receive_email_marketing", False),
    ("suppression", [{"reason": "HARD_BOUNCE"}]),
    ("$consent", []),
    # HubSpot
    ("hs_email_optout", "true"),
    ("property_hs_email_optout", True),
    ("Unsubscribed from all email", "Yes"),
    ("Opted out of email: Marketing Information", "TRUE"),
    ("hs_marketable_status", "false"),
    # Salesforce
    ("HASOPTEDOUTOFEMAIL", True),
    ("PersonHasOptedOutOfEmail", "1"),
    ("et4ae5__HasOptedOutOfMobile__pc", True),
    ("Email_Opt_In__c", False),
    ("HasOptedOutTracking", True),
    ("IndividualId.ShouldForget", True),
    ("DoNotCall", True),
    # Mailchimp
    ("status", "cleaned"),
    ("UNSUB_TIME", "2026-01-01 10:00:00"),
    ("unsubscribe_reason", "N/A (Unsubscribed by admin)"),
    # Braze, Iterable, Marketo, Intercom, Pardot, Dynamics
    ("email_subscribe", "unsubscribed"),
    ("unsubscribedChannelIds", [1]),
    ("blackListed", True),
    ("marketingSuspended", True),
    ("unsubscribed_from_emails", True),
    ("marked_email_as_spam", True),
    ("is_do_not_email", "true"),
    ("donotbulkemail", True),
    ("donotpostalmail", True),
    ("msdyn_gdproptout", True),
    # Adobe, Google
    ("consents.marketing.email.val", "n"),
    ("ad_personalization", "DENIED"),
    ("ad_storage", "denied"),
    # a team's own
    ("optout_email", "all"),
    ("consent_ind", "N"),
    ("marketing_consent_yn", "N"),
    ("gdpr_deleted_at", "2026-01-01"),
    ("right_to_be_forgotten", "t"),
    ("revoked_consent", "true"),
    ("limited_ad_tracking", "1"),
    ("global_privacy_control", True),
    ("gpc", True),
    ("never_consented", True),
    ("no_ads", "Y"),
    ("stop_marketing", True),
    ("exclude_from_marketing", True),
    ("marketing_exclusion", True),
    ("do_not_disturb", True),
    ("subscribe_to_newsletter", "0"),
    ("sms_status", "STOP"),
    ("account_status", "deleted"),
    ("WEBOPTOUT", "Y"),
    ("cookieconsent", "N"),
    ("cookieconsentwithdrawn", True),
    ("consent_not_given", True),
    ("did_not_give_consent", True),
    ("no_longer_consented", True),
    ("consent_cancelled_at", "2026-01-01"),
    ("can_not_contact", True),
    ("cannot_email", "Y"),
    ("must_not_be_contacted", 1),
    ("not_to_be_contacted", True),
    ("marketing_prohibited", True),
    ("not_opted_out", False),
    ("is_not_suppressed", "0"),
    ("never_unsubscribed", None),
    ("unsubscribed_from_landing_page", True),
    ("unsubscribe_link", "2026-01-01"),
    ("opt_in_text", None),
    ("accepts_marketing_membership", None),
    ("subscription_status", False),
    ("email_status", "N"),
    ("address.status", "opted out"),
    ("profile", {"deleted_at": "2026-01-01"}),
    ("profile__is_deleted", True),
]
ALLOWED: list[tuple[str, Any]] = [
    ("hs_email_optout", ""),
    ("HasOptedOutOfEmail", "0"),
    ("email_marketing_consent", "SUBSCRIBED"),
    ("email_marketing_consent", {"state": "subscribed", "opt_in_level": "single_opt_in"}),
    ("consents.marketing.email.val", "y"),
    ("accepts_marketing_updated_at", "2026-01-01"),
    ("marketing_opt_in_level", "confirmed_opt_in"),
    ("OPTIN_IP", "192.0.2.1"),
    ("opt_in_source", "popup"),
    ("consent_version", "2.1"),
    ("not_opted_out", True),
    ("consent_not_given", False),
    ("consent_text", "I agree to the terms"),
    ("unsubscribe_token", "a1b2"),
    ("unsubscribe_url", "https://shop.example/u/1"),
    ("subscription_status", "canceled"),
    ("subscription_plan", "free"),
    ("subscribed_products", 0),
    ("payment_status", "declined"),
    ("payment_declined", True),
    ("order_refused", True),
    ("access_revoked_at", "2026-01-01"),
    ("order_status", "deleted"),
    ("profile", {"is_deleted": False, "deleted_at": None}),
    ("__hevo__marked_deleted", True),
    ("blocked_orders", 3),
    ("credit_allowed", False),
    ("allows_backorder", False),
    ("permission_level", "0"),
    ("deletion_policy", "keep"),
    ("unsubmitted_forms", 3),
    ("unsubstantiated_claims", 2),
    ("adopt_outcome", "cat"),
    ("option_in_stock", "no"),
    ("no_of_orders", 3),
    ("number_of_returns", 0),
    ("is_nonprofit", True),
    ("email_invalid", True),
    ("complaints", 2),
    ("order_not_paid", True),
    ("missing_email", True),
    ("without_vat", True),
    ("email_verified", False),
    ("is_active", False),
    ("market", "no"),
    ("marketing_channel", "none"),
    ("newsletter_name", "no"),
    ("gdpr_region", False),
    ("privacy_policy_version", "0"),
    ("tracking_number", "0"),
    ("contact_id", "0"),
    ("tags", ["no newsletter"]),
    ("state", "enabled"),
    ("first_name", "No"),
]


@pytest.mark.parametrize(("column", "value"), REFUSED, ids=str)
def test_column_that_may_say_no_rejects_the_record(column: str, value: object) -> None:
    found = unclear_consent({"email": "ann@shop.example", column: value})
    assert found
    assert found.code == "unclear_consent"
    assert column.partition(".")[0] in found.reason


@pytest.mark.parametrize(("column", "value"), ALLOWED, ids=str)
def test_column_that_says_nothing_rejects_no_record(column: str, value: object) -> None:
    assert unclear_consent({"email": "ann@shop.example", column: value}) is None


def test_email_in_the_name_of_a_key_is_not_kept() -> None:
    kept = shown_consent({"consents": {"ann@shop.example": False, "bob@shop.example": True}})
    assert "@" not in "".join(kept)
    assert unclear_consent(kept)


def test_table_is_known_by_the_names_of_its_columns() -> None:
    refused = [column for column, _ in REFUSED if column not in {"address.status", "profile"}]
    assert consent_columns(refused) == refused
