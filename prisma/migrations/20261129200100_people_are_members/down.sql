DO $$
DECLARE
  checker regproc;
  target regclass;
BEGIN
  FOR target, checker IN SELECT tgrelid, tgfoid FROM pg_trigger WHERE tgname = 'check_people' AND tgparentid = 0 LOOP
    EXECUTE format('DROP TRIGGER check_people ON %s', target);
    EXECUTE format('DROP FUNCTION %s()', checker);
  END LOOP;
END
$$;
DROP FUNCTION app.refer_to_members(regclass, name[]);
