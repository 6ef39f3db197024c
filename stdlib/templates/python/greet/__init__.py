import sys

from jinja2 import Template


def greeting(name):
    return Template("Hello, {{ name }}!").render(name=name)


def main():
    print(greeting(sys.argv[1] if len(sys.argv) > 1 else "world"))
