-- What is counted: as a stock or a flow, as part of what, driven by what, and where on the form.
select indicator, statistical_kind, whole, driver, form_order
from {{ source("panel", "indicators") }}
