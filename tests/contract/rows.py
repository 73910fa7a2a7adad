"""Every row of the contract, and the tests that hold it: paths below `tests/`.

A test without parameters stands for all of its parameters. `test_rows.py` checks that they exist and that no
route, command or setting is missing.
"""

ACCOUNTS = "api/test_accounts.py::test_"
BAD_INPUT = "api/test_bad_input.py::test_"
CLI = "unit/test_cli.py::test_"
CLI_LIVE = "e2e/test_cli_processes.py::test_"
DEMO = "unit/test_cli_demo.py::test_"
DOCUMENTS = "api/test_documentation.py::test_"
GAPS = "contract/test_gaps.py::test_"
HTTP = "api/test_http.py::test_"
MARKETS = "api/test_markets.py::test_"
META = "api/test_meta.py::test_"
ORDERS = "api/test_orders.py::test_"
PLUGINS = "unit/test_cli_plugins.py::test_"
REPORT = "unit/test_report.py::test_"
REPORTS = "api/test_reports.py::test_"
SETTING = "contract/test_gaps.py::test_setting_when_set_then_it_counts"
SETTINGS = "unit/test_settings.py::test_"
WIRE = "api/test_wire.py::test_"
WS = "api/test_ws.py::test_"
WS_LIMITS = "api/test_ws_limits.py::test_"
WS_ORDERS = "api/test_ws_orders.py::test_"

NO_TOKEN = f"{GAPS}route_when_the_token_is_missing_then_401"

GENERAL = {
    "symbols: any spelling in, canonical out": (
        f"{WS}subscribe_when_spelled_in_any_way_then_success_in_canonical_names",
        "unit/test_submission.py::test_submit_when_valid_then_stored_pending_under_canonical_names",
    ),
    "numbers: exact both ways": (
        f"{ORDERS}numbers_when_sent_then_stored_and_answered_digit_by_digit",
        f"{ORDERS}numbers_when_a_tenth_is_sent_then_a_tenth_is_stored",
        f"{WIRE}number_when_written_then_exact_plain_digits",
    ),
    "numbers: NaN, infinity, exponents, zero and below are refused": (
        f"{BAD_INPUT}order_when_a_field_is_wrong_then_422_naming_it",
    ),
    "times: ISO 8601 in UTC with Z; naive is UTC": (
        f"{WIRE}time_when_written_then_utc_with_z",
        f"{MARKETS}klines_when_start_is_written_otherwise_then_same_moment",
    ),
    "errors: problem+json, nothing of the inside": (
        f"{HTTP}failure_when_it_happens_inside_then_the_client_hears_nothing_of_it",
        f"{HTTP}path_when_there_is_nothing_then_404",
    ),
    "paths: with and without the last slash": (f"{HTTP}path_when_it_ends_in_a_slash_then_the_same",),
    "order object: every field": (
        f"{ORDERS}order_when_new_then_has_every_field_of_the_contract",
        f"{WIRE}order_when_partly_filled_then_percent_has_4_and_average_8_decimals_half_even",
    ),
    "execution: every field": (f"{REPORTS}order_when_a_slice_is_filled_then_totals_and_execution_are_exact",),
}

REST = {
    "GET /": (f"{META}welcome_when_asked_then_greets",),
    "GET /ping": (f"{META}ping_when_asked_then_tells_the_time",),
    "GET /exchanges": (f"{MARKETS}exchanges_when_asked_then_enabled_ones_sorted",),
    "GET /{exchange}/symbols": (
        f"{MARKETS}symbols_when_exchange_is_known_then_sorted",
        f"{MARKETS}symbols_when_client_has_them_then_304_without_body",
    ),
    "GET /{exchange}/symbols: 404": (f"{MARKETS}symbols_when_exchange_is_unknown_then_404_naming_the_known",),
    "GET /{exchange}/symbols: 503": (f"{MARKETS}symbols_when_exchange_is_away_then_503_with_retry_after",),
    "GET /klines/{exchange}/{symbol}": (
        f"{MARKETS}klines_when_asked_then_exact_ascending_and_closed_ones_only",
    ),
    "GET /klines/{exchange}/{symbol}: 404": (f"{MARKETS}klines_when_exchange_or_symbol_is_unknown_then_404",),
    "GET /klines/{exchange}/{symbol}: 422": (
        f"{MARKETS}klines_when_query_is_wrong_then_422_naming_the_parameter",
    ),
    "GET /klines/{exchange}/{symbol}: 502": (f"{GAPS}klines_when_the_exchange_answers_nonsense_then_502",),
    "GET /klines/{exchange}/{symbol}: 503": (f"{MARKETS}klines_when_exchange_is_away_then_503",),
    "POST /register": (f"{ACCOUNTS}register_when_name_is_free_then_201",),
    "POST /register: 400": (f"{ACCOUNTS}register_when_name_is_taken_then_400",),
    "POST /register: 422": (f"{ACCOUNTS}register_when_field_is_wrong_then_422_without_repeating_it",),
    "POST /login": (f"{ACCOUNTS}login_when_credentials_are_right_then_a_pair_that_works",),
    "POST /login: 401": (
        f"{ACCOUNTS}login_when_name_or_password_is_wrong_then_the_same_401",
        "plugins/auth/test_passwords.py::test_verify_when_there_is_no_user_then_false_after_the_same_work",
    ),
    "POST /token/refresh": (
        f"{ACCOUNTS}refresh_when_token_is_fresh_then_new_pair_and_reuse_revokes_the_family",
    ),
    "POST /logout": (
        f"{ACCOUNTS}logout_when_signed_in_then_204_and_token_is_dead",
        f"{NO_TOKEN}[POST /logout]",
    ),
    "GET /secure": (
        f"{ACCOUNTS}secure_when_token_is_missing_or_wrong_then_401_with_challenge",
        f"{ACCOUNTS}secure_when_token_has_expired_then_401",
        f"{GAPS}secure_when_signed_in_then_greets_by_name",
    ),
    "DELETE /unregister": (
        f"{ACCOUNTS}unregister_when_user_then_token_is_dead_and_orders_are_cancelled",
        f"{NO_TOKEN}[DELETE /unregister]",
    ),
    "DELETE /unregister: 403": (f"{ACCOUNTS}unregister_when_admin_then_403",),
    "GET /users": (f"{ACCOUNTS}users_when_admin_then_all_with_roles", f"{NO_TOKEN}[GET /users]"),
    "GET /users: 403": (f"{ACCOUNTS}users_when_no_admin_then_403",),
    "POST /orders/twap": (
        f"{ORDERS}submit_when_valid_then_accepted_and_executor_woken",
        f"{ORDERS}submit_when_all_is_given_then_all_is_stored",
        f"{ORDERS}submit_when_repeated_with_its_key_then_same_order_else_409",
    ),
    "POST /orders/twap: 401": (f"{ORDERS}submit_when_no_token_then_401_before_anything_else",),
    "POST /orders/twap: 404": (
        f"{BAD_INPUT}order_when_exchange_or_symbol_is_unknown_then_404_saying_where_to_look",
    ),
    "POST /orders/twap: 409": (f"{ORDERS}submit_when_repeated_with_its_key_then_same_order_else_409",),
    "POST /orders/twap: 422": (
        f"{BAD_INPUT}order_when_a_field_is_wrong_then_422_naming_it",
        f"{BAD_INPUT}order_when_fields_are_missing_then_422_naming_all",
    ),
    "GET /orders": (
        f"{ORDERS}orders_when_others_have_some_then_only_ones_own_newest_first",
        f"{ORDERS}orders_when_there_are_none_then_empty_array",
        f"{ORDERS}orders_when_filtered_then_only_those",
        f"{ORDERS}orders_when_paged_while_orders_are_added_then_each_comes_once",
        f"{NO_TOKEN}[GET /orders]",
    ),
    "GET /orders/{order_id}": (
        f"{REPORTS}order_when_a_slice_is_filled_then_totals_and_execution_are_exact",
        f"{NO_TOKEN}[GET /orders/{{order_id}}]",
    ),
    "GET /orders/{order_id}: 404": (f"{ORDERS}order_when_unknown_or_anothers_then_the_same_404",),
    "DELETE /orders/{order_id}": (
        f"{ORDERS}order_when_paused_resumed_and_cancelled_then_status_follows",
        f"{NO_TOKEN}[DELETE /orders/{{order_id}}]",
    ),
    "DELETE /orders/{order_id}: 409": (f"{ORDERS}order_when_over_then_changing_it_is_409",),
    "POST /orders/{order_id}/pause": (
        f"{ORDERS}order_when_paused_resumed_and_cancelled_then_status_follows",
        "unit/test_executor.py::test_executor_when_paused_and_resumed_then_the_paused_slice_is_carried",
    ),
    "POST /orders/{order_id}/resume": (
        f"{ORDERS}order_when_paused_resumed_and_cancelled_then_status_follows",
    ),
    "GET /orders/{order_id}/report": (
        f"{REPORTS}report_when_no_form_is_asked_then_json_with_exact_numbers",
        f"{REPORT}cost_split_when_any_order_then_its_parts_add_up_to_the_last_digit",
        f"{REPORT}fill_band_when_the_same_level_is_met_again_then_memory_and_halves_matter",
        f"{REPORTS}report_when_order_is_anothers_then_404",
    ),
    "GET /orders/{order_id}/report?format=csv": (f"{REPORTS}report_when_csv_then_one_row_per_execution",),
    "GET /orders/{order_id}/report?format=html": (
        f"{REPORTS}report_when_html_then_a_page_that_may_load_nothing",
    ),
    "GET /orders/{order_id}/explain": (
        f"{REPORTS}explain_when_slice_is_over_then_explained",
        f"{REPORTS}explain_when_slice_is_not_over_then_404",
    ),
    "GET /exchanges/status": (f"{MARKETS}exchanges_status_when_one_is_down_then_says_why",),
    "GET /health/live": (f"{META}live_when_asked_then_200",),
    "GET /health/ready": (
        f"{META}ready_when_storage_and_a_feed_are_there_then_200",
        f"{META}ready_when_no_exchange_can_be_reached_then_503",
        f"{META}ready_when_storage_is_away_then_503",
    ),
    "GET /metrics": (
        f"{META}metrics_when_requests_were_made_then_counted_by_route_not_by_path",
        "api/test_metrics.py::test_metrics_when_slices_were_stored_then_counts_and_reasons",
    ),
    "GET /docs": (f"{DOCUMENTS}docs_when_opened_then_everything_comes_from_this_server",),
    "GET /openapi.json": (
        f"{DOCUMENTS}document_when_asked_for_then_served_with_a_tag",
        f"{DOCUMENTS}openapi_when_compared_with_the_app_then_has_the_same_routes",
        "api/test_schemathesis.py::test_api_when_schemathesis_tries_it_then_the_document_is_kept",
    ),
    "GET /asyncapi.json": (f"{DOCUMENTS}document_when_asked_for_then_served_with_a_tag",),
}

WEB_SOCKET = {
    "welcome": (f"{WS}connect_when_accepted_then_welcome",),
    "subscribe": (
        f"{WS}subscribe_when_succeeded_then_an_update_at_every_whole_second",
        f"{WS}subscribe_when_less_than_200_ms_before_the_tick_then_updated_from_the_next_one",
    ),
    "subscribe_failure": (
        f"{WS}subscribe_when_already_subscribed_in_any_order_then_failure",
        f"{WS}subscribe_when_not_possible_then_failure_names_it",
    ),
    "unsubscribe": (f"{WS}unsubscribe_when_subscribed_then_success_and_no_update_follows",),
    "unsubscribe_failure": (f"{WS}unsubscribe_when_not_subscribed_to_exactly_that_then_failure",),
    "subscribe_orders": (
        f"{WS_ORDERS}subscribe_orders_when_token_is_valid_then_success_and_updates_follow",
        f"{WS_ORDERS}subscribe_orders_when_token_is_wrong_then_failure_and_the_connection_stays",
    ),
    "order_update": (f"{WS_ORDERS}order_update_when_an_order_is_submitted_and_canceled_then_heard",),
    "ping": (f"{WS}ping_when_sent_then_pong",),
    "a frame without symbol or exchanges": (
        f"{WS}frame_when_it_lacks_symbol_or_exchanges_then_error_and_the_connection_stays",
    ),
    "anything that is no such object": (
        f"{WS}frame_when_it_is_no_such_object_then_error_and_the_connection_stays",
    ),
    "an oversized frame: 1009": (f"{WS}frame_when_oversized_then_closed_with_1009",),
    "a binary frame: 1003": (f"{WS}frame_when_binary_then_closed_with_1003",),
    "order_book_update": (
        f"{WS}update_when_books_are_live_then_quantities_add_up_in_exact_plain_digits",
        f"{WS}update_when_a_book_is_not_live_then_left_out_and_said",
        f"{WS}update_when_clients_ask_for_different_exchanges_then_each_gets_its_own",
    ),
    "a slow client": (
        "api/test_ws_served.py::"
        "test_client_when_it_reads_nothing_then_newest_wins_and_it_is_ended_and_nobody_waits",
    ),
}

COMMANDS = {
    "twap serve": (
        f"{CLI_LIVE}serve_when_the_port_is_taken_then_one_line_and_exit_1",
        f"{CLI}serve_when_a_setting_is_wrong_then_it_is_named",
    ),
    "twap demo": (
        f"{CLI_LIVE}demo_when_told_to_exit_then_it_reports_and_ends_with_0",
        f"{CLI_LIVE}demo_when_its_output_is_no_terminal_then_it_ends_after_the_report",
        f"{DEMO}choose_when_some_can_not_be_reached_then_they_are_left_out_with_the_reason",
    ),
    "twap exchanges": (f"{CLI}exchanges_when_listed_as_json_then_the_simulated_one_is_not_among_them",),
    "twap symbols": (f"{CLI}symbols_when_listed_with_details_then_digits_are_exact",),
    "twap klines": (f"{CLI}klines_when_a_range_is_given_then_its_candles_come_in_order",),
    "twap book": (f"{CLI_LIVE}book_when_interrupted_then_it_leaves_cleanly",),
    "twap order submit": (
        f"{CLI_LIVE}order_when_submitted_and_watched_then_its_fills_follow_from_the_looks",
    ),
    "twap order list": (f"{CLI_LIVE}order_when_submitted_and_watched_then_its_fills_follow_from_the_looks",),
    "twap order watch": (f"{CLI_LIVE}order_when_submitted_and_watched_then_its_fills_follow_from_the_looks",),
    "twap order show": (f"{GAPS}order_when_shown_and_canceled_on_the_command_line_then_both_are_told",),
    "twap order cancel": (f"{GAPS}order_when_shown_and_canceled_on_the_command_line_then_both_are_told",),
    "twap user create": (
        f"{CLI}user_create_when_given_a_password_then_the_user_is_listed_with_the_role",
        f"{CLI}user_create_when_there_is_no_terminal_then_it_names_the_other_way",
    ),
    "twap dashboard": (f"{CLI}dashboard_when_it_is_not_installed_then_it_says_what_to_install",),
    "twap migrate": (f"{CLI}migrate_when_run_twice_then_it_is_up_to_date_both_times",),
    "twap plugin list": (f"{PLUGINS}list_when_asked_then_each_plugin_has_its_distribution",),
    "twap plugin new": (f"{PLUGINS}new_when_written_then_its_own_test_and_all_checks_pass",),
    "twap plugin check": (f"{PLUGINS}check_of_our_own_plugins_then_nothing_is_wrong",),
    "--help with examples": (f"{CLI}help_of_every_command_when_asked_then_it_has_an_example",),
    "exit code 2": (f"{CLI}command_when_used_wrongly_then_exit_2",),
}

VARIABLES = {
    "TWAP_HOST": (f"{SETTING}[TWAP_HOST]",),
    "TWAP_PORT": (
        f"{SETTING}[TWAP_PORT]",
        "e2e/test_bad_starts.py::test_start_when_port_in_use_then_names_it",
    ),
    "TWAP_DATABASE_URL": (
        f"{SETTING}[TWAP_DATABASE_URL]",
        f"{SETTINGS}database_when_set_then_left_as_it_is",
        f"{SETTINGS}database_when_the_data_folder_is_set_then_it_lies_there",
    ),
    "TWAP_EXCHANGES": (
        f"{SETTING}[TWAP_EXCHANGES]",
        "plugins/test_discovery.py::test_discover_when_nothing_is_enabled_by_name_then_all_but_the_simulated_one",
    ),
    "TWAP_SECRET_KEY": (
        f"{SETTING}[TWAP_SECRET_KEY]",
        "plugins/auth/test_keyring.py::test_load_when_there_is_no_file_then_one_is_made_for_the_owner_alone",
    ),
    "TWAP_ENDPOINTS": (
        f"{SETTING}[TWAP_ENDPOINTS]",
        f"{SETTINGS}endpoints_when_set_in_any_case_then_they_replace_the_exchanges_own",
    ),
    "TWAP_LOG_LEVEL": (f"{SETTING}[TWAP_LOG_LEVEL]",),
    "TWAP_LOG_FORMAT": (
        f"{SETTING}[TWAP_LOG_FORMAT]",
        "unit/test_logs.py::test_log_when_json_then_one_object_a_line_with_time_and_level",
    ),
    "a wrong setting: one line that names it": (
        f"{SETTINGS}settings_when_one_is_wrong_then_one_line_names_it_and_what_is_right",
        "e2e/test_bad_starts.py::test_start_when_a_setting_is_wrong_then_names_it",
    ),
}

TABLES = {
    "names, numbers, objects": GENERAL,
    "REST": REST,
    "WebSocket": WEB_SOCKET,
    "command line": COMMANDS,
    "settings": VARIABLES,
}
