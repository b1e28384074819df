-- Turning pages of orders, newest first, without a status.
CREATE INDEX idx_orders_created ON app.orders (created_at DESC, id DESC);
