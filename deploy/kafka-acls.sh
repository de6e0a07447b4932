#!/usr/bin/env bash
# Gives each service the topic rights that its rows of the choreography need, and no others. Repeating it changes nothing.
#
#   KAFKA=broker:9093 ADMIN_CONFIG=admin.properties deploy/kafka-acls.sh
#
# Principals are User:farandole-<service>, and User:farandole-topics for the job that creates topics.
# PREFIX is FARANDOLE_TOPIC_PREFIX; KAFKA_ACLS is the path of Kafka's own tool.
set -euo pipefail

: "${KAFKA:?expected the bootstrap servers, HOST:PORT}"
PREFIX=${PREFIX:-}
acls() {
    "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$KAFKA" \
        ${ADMIN_CONFIG:+--command-config "$ADMIN_CONFIG"} --add --force "$@"
}
hears() { # hears SERVICE TOPIC...: reads the topics as a member of its own group
    local service=$1 topic
    shift
    for topic in "$@"; do
        acls --allow-principal "User:farandole-$service" --operation Read --operation Describe --topic "$PREFIX$topic"
    done
    acls --allow-principal "User:farandole-$service" --operation Read --operation Describe --group "${PREFIX}farandole.$service"
}
says() { # says SERVICE TOPIC...: writes the topics, idempotently
    local service=$1 topic
    shift
    for topic in "$@"; do
        acls --allow-principal "User:farandole-$service" --operation Write --operation Describe --topic "$PREFIX$topic"
    done
}
creates() { # creates TOPIC...: the job `farandole topics` creates and checks them
    local topic
    for topic in "$@"; do
        acls --allow-principal User:farandole-topics \
            --operation Create --operation Describe --operation DescribeConfigs --topic "$PREFIX$topic"
    done
}

hears order order.paid payment.failed order.failed
says order order.placed order.completed saga.steps
hears inventory order.placed payment.failed
says inventory order.validated order.failed saga.steps
hears payment order.validated
says payment order.paid payment.failed
hears notification order.completed payment.failed order.failed
says notification saga.steps
# It writes nothing, but its client asks for a producer id, which a right to write some topic gives the others.
acls --allow-principal User:farandole-monitor --operation IdempotentWrite --cluster
hears monitor order.placed order.validated order.failed order.paid payment.failed order.completed saga.steps
creates order.placed order.validated order.failed order.paid payment.failed order.completed saga.steps
