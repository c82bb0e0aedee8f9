# expect: exception
import socket


def f(x):
    return socket.getaddrinfo("example.com", 80)
