#!/usr/bin/env python3
"""An application enqueues in its own transaction: the order and the work on its document exist
together, or neither does.

    enqueue.py URL DOCUMENT-ID [--roll-back]

URL is that of the database that `docq serve --url` uses; the application's tables are in it, too.
Needs psycopg2 (Debian: python3-psycopg2).
"""
import argparse

import psycopg2


def place_order(connection, document, customer):
    """One transaction of the application's. docq is a guest in it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS purchase (customer text, document uuid)")
        cursor.execute("INSERT INTO purchase VALUES (%s, %s)", (customer, document))
        cursor.execute("SELECT docq.enqueue(%s, operation => 'reprocess', priority => 5)",
                       (document,))
        return cursor.fetchone()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("document")
    parser.add_argument("--roll-back", action="store_true", help="change your mind at the end")
    options = parser.parse_args()
    connection = psycopg2.connect(options.url)
    item = place_order(connection, options.document, "a customer")
    if options.roll_back:
        connection.rollback()
        print("rolled back: no order, and no work")
    else:
        connection.commit()
        print(item)
        with connection.cursor() as cursor:
            cursor.execute("SELECT docq.wake()")  # or let the workers find it within a second
        connection.commit()
    connection.close()


if __name__ == "__main__":
    main()
