from gatepost.notify.line.tests.linked import line as line
