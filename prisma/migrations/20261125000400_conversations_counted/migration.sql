-- For counts of a tenant's conversations, all of them or those of a status, which read an index whole. Equal keys share their place in it, so
-- that it is a tenth of the others.

CREATE INDEX conversations_tenant_id_status_idx ON conversations(tenant_id, status);
