-- Everybody who may be in a list: one row for each person and audience.
-- An opt-out stays in the table, with a mark: the target then takes the person out of the list.
-- The column `consented` does not go to the target, which refuses what it cannot read in one way.
with customers as (
    select * from {{ ref('crm_customers') }} where email is not null
),

wanted as (
    select 'All customers' as audience_name, * from customers
    union all
    select 'Big spenders' as audience_name, * from customers where total_spent >= 400
)

select
    audience_name,
    email,
    case
        when opted_out_at is not null then opted_out_at
        when not consented then now()
    end as _sdc_deleted_at
from wanted
