-- Audiences that Pinterest fills by itself.
select
    'Site visitors, ' || days || ' days' as name,
    'VISITOR' as audience_type,
    jsonb_build_object('visitor_source_id', '2612511566001', 'retention_days', days) as rule
from (values (30), (90)) as windows (days)
