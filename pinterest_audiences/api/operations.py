"""The operations of Pinterest's API v5 that this project uses, under Pinterest's own names.

Names, methods and paths: Pinterest's OpenAPI description 5.23, ``audiences/create_custom`` 5.18.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint.

    Attributes:
        name: Pinterest's ``operationId``.
        method: HTTP method.
        path: Path template below the API's base URL.
        category: The rate limit that it counts against, shared by all operations of a category.
        creates: True if sending it twice can make two things. All others can be repeated: reads
            change nothing, updates set values that a second time are the same.
        is_silent: True if Pinterest's answer has no body.
    """

    name: str
    method: str
    path: str
    category: str = "ads_read"
    creates: bool = False
    is_silent: bool = False

    def url(self, base: str, **ids: str) -> str:
        """Return the full URL, with ``ids`` filled in and escaped."""
        return base + self.path.format_map(
            {key: quote(value, safe="") for key, value in ids.items()}
        )


_AUDIENCES = "/ad_accounts/{ad_account_id}/audiences"

OAUTH_TOKEN = Operation("oauth/token", "POST", "/oauth/token", "org_read")
REVOKE_TOKEN = Operation("token/revoke", "POST", "/oauth/token/revoke", "org_write", is_silent=True)
GET_USER = Operation("user_account/get", "GET", "/user_account", "org_read")
LIST_AD_ACCOUNTS = Operation("ad_accounts/list", "GET", "/ad_accounts")
LIST_AUDIENCES = Operation("audiences/list", "GET", _AUDIENCES)
GET_AUDIENCE = Operation("audiences/get", "GET", _AUDIENCES + "/{audience_id}")
CREATE_AUDIENCE = Operation("audiences/create", "POST", _AUDIENCES, "ads_write", creates=True)
CREATE_CUSTOM_AUDIENCE = Operation(
    "audiences/create_custom", "POST", _AUDIENCES + "/custom", "ads_write", creates=True
)
UPDATE_AUDIENCE = Operation("audiences/update", "PATCH", _AUDIENCES + "/{audience_id}", "ads_write")
_CUSTOMER_LISTS = "/ad_accounts/{ad_account_id}/customer_lists"
_CUSTOMER_LIST = _CUSTOMER_LISTS + "/{customer_list_id}"
_UPLOADS = _CUSTOMER_LIST + "/uploads"

LIST_CUSTOMER_LISTS = Operation("customer_lists/list", "GET", _CUSTOMER_LISTS)
GET_CUSTOMER_LIST = Operation("customer_lists/get", "GET", _CUSTOMER_LIST)
CREATE_CUSTOMER_LIST = Operation(
    "customer_lists/create", "POST", _CUSTOMER_LISTS, "ads_write", creates=True
)
UPDATE_CUSTOMER_LIST = Operation("customer_lists/update", "PATCH", _CUSTOMER_LIST, "ads_write")
CREATE_UPLOAD = Operation("customer_list_uploads/create", "POST", _UPLOADS, "ads_write")
GET_UPLOAD = Operation("customer_list_uploads/get", "GET", _UPLOADS + "/{customer_list_upload_id}")
RUN_UPLOAD = Operation(
    "customer_list_uploads/run", "POST", _UPLOADS + "/{customer_list_upload_id}/run", "ads_write"
)
LIST_SHARED_ACCOUNTS = Operation(
    "ad_accounts_audiences_shared_accounts/list", "GET", _AUDIENCES + "/shared/accounts"
)
SHARE_WITH_AD_ACCOUNTS = Operation(
    "update_ad_account_to_ad_account_shared_audience",
    "PATCH",
    _AUDIENCES + "/ad_accounts/shared",
    "ads_write",
)
SHARE_WITH_BUSINESSES = Operation(
    "update_ad_account_to_business_shared_audience",
    "PATCH",
    _AUDIENCES + "/businesses/shared",
    "ads_write",
)
GET_AUDIENCE_INSIGHTS = Operation(
    "audience_insights/get", "GET", "/ad_accounts/{ad_account_id}/audience_insights"
)
LIST_INSIGHT_DEFINITIONS = Operation(
    "audience_insights_scope_and_type/get", "GET", "/ad_accounts/{ad_account_id}/insights/audiences"
)
_BUSINESS_AUDIENCES = "/businesses/{business_id}/audiences"

LIST_BUSINESS_AUDIENCES = Operation(
    "shared_audiences_for_business/list", "GET", _BUSINESS_AUDIENCES
)
LIST_BUSINESS_SHARED_ACCOUNTS = Operation(
    "business_account_audiences_shared_accounts/list",
    "GET",
    _BUSINESS_AUDIENCES + "/shared/accounts",
)
BUSINESS_SHARE_WITH_AD_ACCOUNTS = Operation(
    "update_business_to_ad_account_shared_audience",
    "PATCH",
    _BUSINESS_AUDIENCES + "/ad_accounts/shared",
    "ads_write",
)
BUSINESS_SHARE_WITH_BUSINESSES = Operation(
    "update_business_to_business_shared_audience",
    "PATCH",
    _BUSINESS_AUDIENCES + "/businesses/shared",
    "ads_write",
)
