-- The second wall around accounts, in one place: later migrations name the tables it stands around.
create function keep_by_account(variadic tables text[]) returns void language plpgsql as $$
declare t text;
begin
  foreach t in array tables
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy of_account on %I to cordon_account
      using (account_id = current_setting(''cordon.account_id'', true))
      with check (account_id = current_setting(''cordon.account_id'', true))', t);
    execute format('create policy of_system on %I to cordon_system using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %I to cordon_account, cordon_system', t);
  end loop;
end $$;
revoke execute on function keep_by_account from public;
