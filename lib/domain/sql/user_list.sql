-- $1 role (null: all)
SELECT d.document::text, :keys
FROM (SELECT u.id, u.username, u.created_at, u.updated_at
      FROM app.users u
      WHERE ($1::text IS NULL OR u.role = $1)
        AND :after
      :order
      :rows) u
JOIN app.user_documents d ON d.id = u.id
:order
