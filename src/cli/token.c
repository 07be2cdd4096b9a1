/* token new, token ls, token revoke, token login. */
#include "cli/token.h"

#include "cli/home.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/scope.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

enum { LOGIN_MINUTES = 10 };

static bool parse_scopes(const struct cli *cli, unsigned *ret_scopes)
{
    const char *text = cli_option(cli, "scope");
    *ret_scopes = 0;
    while (text && *text) {
        size_t length = strcspn(text, ",");
        unsigned bit = scope_find(text, length);
        if (!bit) {
            cli_usage(cli, "give some of upload, read, work, operate, admin, separated by commas",
                      "unknown scope \"%.*s\"", (int)(length < 40 ? length : 40), text);
            return false;
        }
        *ret_scopes |= bit;
        text += length + (text[length] == ',');
    }
    if (*ret_scopes == 0)
        cli_usage(cli, "say what it may do, such as --scope upload,read", "a token needs --scope");
    return *ret_scopes != 0;
}

static int token_new(struct cli *cli)
{
    unsigned bits = 0;
    int64_t expires = 0;
    char secret[DQ_SECRET_SIZE];
    const char *name = cli_option(cli, "name");
    if (!parse_scopes(cli, &bits) || !cli_duration(cli, "expires", 0, &expires))
        return EXIT_USAGE;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_token_new(cli->queue, name ? name : "", bits, expires ? clock_now() + expires : 0,
                     secret, &cli->error) < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:s}", "token", secret));
    else
        puts(secret);
    cli_say(cli, "docq: keep it now, it is not shown again; use it as `Authorization: Bearer ...`");
    return EXIT_OK;
}

static const char *token_state(const dq_token *token, int64_t now)
{
    if (token->revoked_at)
        return "revoked";
    return token->expires_at && token->expires_at <= now ? "expired" : "live";
}

static json_t *token_view(const dq_token *token, const char *names, const char *state)
{
    return json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o}", "id", token->id, "name",
                     view_text(token->name), "scopes", names, "state", state, "created_at",
                     view_time(token->created_at), "expires_at", view_time(token->expires_at),
                     "revoked_at", view_time(token->revoked_at));
}

static int token_ls(struct cli *cli)
{
    static const char *const titles[] = {"token",   "state", "scopes", "made",
                                         "expires", "name",  NULL};
    autotable table = {.titles = titles};
    dq_token_list *list = NULL;
    int64_t now = clock_now();
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_list_tokens(cli->queue, &list, &cli->error) < 0)
        return cli_report(cli);
    for (size_t i = 0; i < list->count; i++) {
        const dq_token *token = &list->tokens[i];
        char names[64], age[TEXT_SIZE];
        const char *state = token_state(token, now);
        scope_join(token->scopes, ",", names, sizeof names);
        if (cli->json) {
            out_json(token_view(token, names, state));
            continue;
        }
        table_add(&table, BOLD, token->id);
        table_add(&table, strcmp(state, "live") == 0 ? GREEN : DIM, state);
        table_add(&table, PLAIN, names);
        table_add(&table, PLAIN, text_of_age(token->created_at, now, age));
        table_add(&table, PLAIN, text_of_age(token->expires_at, now, age));
        table_add(&table, PLAIN, token->name ? token->name : "");
    }
    if (!list->count)
        cli_say(cli, "docq: no tokens; `docq token new --scope upload,read` makes one");
    else if (!cli->json)
        table_print(&table);
    dq_free(list);
    return EXIT_OK;
}

static int token_revoke(struct cli *cli, const char *id)
{
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_token_revoke(cli->queue, id, &cli->error) < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:s,s:s}", "id", id, "state", "revoked"));
    else
        printf("%s  revoked\n", id);
    return EXIT_OK;
}

static int any_live(struct cli *cli, bool *ret_any)
{
    dq_token_list *list = NULL;
    int64_t now = clock_now();
    int code = dq_list_tokens(cli->queue, &list, &cli->error);
    *ret_any = false;
    for (size_t i = 0; code == 0 && i < list->count; i++)
        *ret_any = *ret_any || strcmp(token_state(&list->tokens[i], now), "live") == 0;
    dq_free(list);
    return code;
}

int token_login_link(struct cli *cli, const char *url, unsigned bits,
                     char ret_link[LOGIN_LINK_SIZE])
{
    char secret[DQ_SECRET_SIZE];
    bool needed = false;
    int code = any_live(cli, &needed);
    if (code == 0 && needed)
        code = dq_token_new(cli->queue, "login link", bits | DQ_SCOPE_LOGIN,
                            clock_now() + LOGIN_MINUTES * 60 * US_PER_S, secret, &cli->error);
    if (code < 0)
        return code;
    snprintf(ret_link, LOGIN_LINK_SIZE, needed ? "%s/admin/login#code=%s" : "%s/admin/", url,
             secret);
    return 0;
}

static int token_login(struct cli *cli)
{
    unsigned bits = DQ_SCOPE_ADMIN;
    char address[HOME_ADDRESS_SIZE], link[LOGIN_LINK_SIZE];
    if (cli_option(cli, "scope") && !parse_scopes(cli, &bits))
        return EXIT_USAGE;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (home_read_address(cli, address) < 0 || token_login_link(cli, address, bits, link) < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:s}", "link", link));
    else
        puts(link);
    if (strstr(link, "#code="))
        cli_say(cli, "docq: open it in a browser within %d minutes; it works once", LOGIN_MINUTES);
    else
        cli_say(cli, "docq: there are no tokens, so nobody on this machine needs to log in");
    return EXIT_OK;
}

int run_token(struct cli *cli, int count, char **operands)
{
    static const char *const known[] = {"new", "ls", "login", "revoke"};
    if (strcmp(operands[0], "new") == 0 && count == 1)
        return token_new(cli);
    if (strcmp(operands[0], "ls") == 0 && count == 1)
        return token_ls(cli);
    if (strcmp(operands[0], "login") == 0 && count == 1)
        return token_login(cli);
    if (strcmp(operands[0], "revoke") == 0)
        return count == 2 ? token_revoke(cli, operands[1])
                          : cli_usage(cli, "`docq token ls` lists the ids", "revoke needs an id");
    char fix[64];
    const char *nearest = text_nearest(operands[0], known, 4, sizeof known[0]);
    snprintf(fix, sizeof fix, "%s%s",
             nearest ? "did you mean token " : "say new, ls, login or revoke",
             nearest ? nearest : "");
    return cli_usage(cli, fix, "token does not know \"%.40s\"", operands[count - 1]);
}
